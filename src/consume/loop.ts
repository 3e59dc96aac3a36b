import { describe } from '../common/errors.js'
import type { Logger } from '../common/logger.js'
import type { EventMessage } from '../event.js'
import type { Message } from './message.js'

interface LoopParts<Event> {
  /** Settles what is in hand when its body has ended without an error. */
  readonly autoAck: boolean
  readonly logger: Logger
  /** The next event; `undefined` at the end. */
  next(): Promise<Event | undefined>
  /** It is over. */
  end(): void
  /** Its body has gone, and the subscription goes with it. */
  leave(): Promise<void>
}

/** One `for await` loop over a subscription. */
export class Loop<Event extends EventMessage> implements AsyncIterator<Event, undefined> {
  readonly #parts: LoopParts<Event>
  #last: Event | undefined

  constructor(parts: LoopParts<Event>) {
    this.#parts = parts
  }

  /** The event that its body has. */
  get last(): Event | undefined {
    return this.#last
  }

  async next(): Promise<IteratorResult<Event, undefined>> {
    if (this.#last !== undefined) this.#finish(this.#last as EventMessage as Message)
    try {
      this.#last = await this.#parts.next()
      if (this.#last !== undefined) return { done: false, value: this.#last }
      this.#parts.end()
      return { done: true, value: undefined }
    } catch (error) {
      this.#parts.end()
      throw error
    }
  }

  async return(): Promise<IteratorResult<Event, undefined>> {
    // Nobody else can settle what an auto-acking loop was left with.
    if (this.#last !== undefined && this.#parts.autoAck) await this.#last.nack().catch(() => false)
    this.#parts.end()
    await this.#parts.leave()
    return { done: true, value: undefined }
  }

  /** Its body has returned. */
  #finish(message: Message): void {
    if (this.#parts.autoAck) message.ackAside(this.#onAcked)
    else message.finish()
  }

  readonly #onAcked = ({ id, channel }: Message, error?: unknown) => {
    if (error === undefined) return
    this.#parts.logger.warn('an event could not be acked', { id, channel, error: describe(error) })
  }
}
