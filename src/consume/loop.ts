import type { EventMessage } from '../event.js'

interface LoopParts<Event> {
  /** Settles what is in hand when its body has ended without an error. */
  readonly autoAck: boolean
  next(): Promise<IteratorResult<Event, undefined>>
  /** The body has returned. */
  finish(event: Event): void
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
    if (this.#last !== undefined) this.#parts.finish(this.#last)
    try {
      const result = await this.#parts.next()
      this.#last = result.value
      if (result.done) this.#parts.end()
      return result
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
}
