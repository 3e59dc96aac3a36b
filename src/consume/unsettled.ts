import { ConfigurationError, RowcastError } from '../common/errors.js'
import { type Deferred, defer } from '../common/wait.js'
import type { EventId, EventMessage } from '../event.js'
import { isEventId } from '../options/names.js'
import { Message } from './message.js'

/** The messages that one consumer holds and has not settled. */
export class Held {
  readonly #messages = new Map<EventId, Message>()
  readonly #onEmpty: () => void

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty
  }

  get size(): number {
    return this.#messages.size
  }

  get messages(): Iterable<Message> {
    return this.#messages.values()
  }

  get(id: EventId): Message | undefined {
    return this.#messages.get(id)
  }

  add(message: Message): void {
    this.#messages.set(message.id, message)
  }

  /** Its consumer has gone, but for what others of it still work on. */
  leave(others: ReadonlySet<unknown>): void {
    for (const message of this.#messages.values()) if (!others.has(message)) message.leave()
  }

  remove(message: Message): void {
    // An event whose lease was lost may have come again.
    if (this.#messages.get(message.id) === message) this.#messages.delete(message.id)
    if (this.#messages.size === 0) this.#onEmpty()
  }
}

/** What all consumers of one channel object hold. */
export class Unsettled {
  readonly #consumers = new Set<Held>()
  /** Of consumers that have left their loop: they may still settle, but nobody waits for it. */
  readonly #abandoned = new Set<Held>()
  #drained: Deferred<void> | undefined

  get size(): number {
    return this.#all.reduce((total, held) => total + held.size, 0)
  }

  /** For one more consumer. */
  open(): Held {
    const held = new Held(() => this.#onEmpty(held))
    this.#consumers.add(held)
    return held
  }

  /** Its consumer has left. */
  abandon(held: Held): void {
    this.#consumers.delete(held)
    if (held.size > 0) this.#abandoned.add(held)
  }

  /**
   * The message that a caller means.
   * @throws {ConfigurationError} when it means no event at all, or an id means the events of several consumers
   * @throws {RowcastError} with code `NOT_HELD` when nobody here holds it
   */
  find(event: EventMessage | EventId): Message {
    if (event instanceof Message) return event
    if (!isEventId(event)) throw new ConfigurationError('pass an event that this channel delivered, or its id')
    const found = this.#all.flatMap((held) => held.get(event) ?? [])
    const live = found.filter((message) => !message.isStale)
    if (live.length > 1) {
      throw new ConfigurationError(
        `event ${event} is in the hands of several consumers here: settle by the event itself`,
      )
    }
    const [message] = live.length === 1 ? live : found
    if (message !== undefined) return message
    throw new RowcastError(
      'NOT_HELD',
      `event ${event} is not in this channel's hands: it was settled already, or another consumer got it`,
    )
  }

  /** Resolves when everything is settled that somebody may still be working on. */
  drained(): Promise<void> {
    this.#drained = defer()
    this.#checkDrained()
    return this.#drained.promise
  }

  /** Tells those who still work on something to stop, and gives it back as if it had not been delivered. */
  async releaseAll(): Promise<void> {
    const messages = this.#all.flatMap((held) => [...held.messages])
    for (const message of messages) message.abort()
    await Promise.allSettled(messages.map((message) => message.release()))
  }

  get #all(): readonly Held[] {
    return [...this.#consumers, ...this.#abandoned]
  }

  #onEmpty(held: Held): void {
    this.#abandoned.delete(held)
    if (this.#drained !== undefined) this.#checkDrained()
  }

  #checkDrained(): void {
    if ([...this.#consumers].every((held) => held.size === 0)) this.#drained?.resolve()
  }
}
