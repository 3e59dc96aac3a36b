import { ConfigurationError, RowcastError } from './errors.js'
import type { EventId, EventMessage } from './event.js'
import { Message } from './message.js'
import { isEventId } from './names.js'
import { type Deferred, defer } from './wait.js'

/** The messages that consumers of one channel object hold and have not settled. */
export class InHand {
  readonly #byId = new Map<EventId, Message>()
  readonly #subscriptionOf = new Map<Message, object>()
  /** Held by a consumer that has left its loop: it may still settle, but nobody waits for it. */
  readonly #abandoned = new Set<Message>()
  #drained: Deferred<void> | undefined

  get size(): number {
    return this.#subscriptionOf.size
  }

  add(message: Message, subscription: object): void {
    this.#byId.set(message.id, message)
    this.#subscriptionOf.set(message, subscription)
  }

  remove(message: Message): void {
    if (this.#byId.get(message.id) === message) this.#byId.delete(message.id)
    this.#subscriptionOf.delete(message)
    if (this.#abandoned.size > 0) this.#abandoned.delete(message)
    this.#checkDrained()
  }

  /** The consumer of this subscription has left its loop. */
  abandon(subscription: object): void {
    for (const [message, owner] of this.#subscriptionOf) if (owner === subscription) this.#abandoned.add(message)
  }

  /**
   * The message that a caller means.
   * @throws {ConfigurationError} when it means no event at all
   * @throws {RowcastError} with code `NOT_HELD` when nobody here holds it
   */
  find(event: EventMessage | EventId): Message {
    if (event instanceof Message) return event
    if (!isEventId(event)) throw new ConfigurationError('pass an event that this channel delivered, or its id')
    const message = this.#byId.get(event)
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
    const messages = [...this.#subscriptionOf.keys()]
    for (const message of messages) message.abort()
    await Promise.allSettled(messages.map((message) => message.release()))
  }

  #checkDrained(): void {
    if (this.#subscriptionOf.size === this.#abandoned.size) this.#drained?.resolve()
  }
}
