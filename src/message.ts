import type { Inbox } from './backends/backend.js'
import { ClosedError, describe, RowcastError } from './errors.js'
import type { Delivery, EventMessage, Metadata, NackOptions, Settlement } from './event.js'
import { resolveExtension, resolveNackOptions } from './resolve.js'

/** What a message needs of its subscription. */
export interface MessageOwner {
  readonly inbox: Inbox
  /** Throws once nothing can be settled any more. */
  assertOpen(): void
  /** The message is in nobody's hands any more. */
  onSettled(message: Message): void
  /** Whether its lease has ended. */
  isStale(delivery: Delivery): boolean
}

/** A delivery in a consumer's hands, with its verbs. */
export class Message implements EventMessage {
  readonly payload: unknown
  readonly metadata: Metadata
  readonly #delivery: Delivery
  readonly #owner: MessageOwner
  #how: Settlement['type'] | undefined
  #done: Promise<boolean> | undefined
  #controller: AbortController | undefined
  #abortReason: RowcastError | undefined

  constructor(delivery: Delivery, payload: unknown, metadata: Metadata, owner: MessageOwner) {
    this.payload = payload
    this.metadata = metadata
    this.#delivery = delivery
    this.#owner = owner
    if (delivery.lease !== null) delivery.lease.holder = this
  }

  get id() {
    return this.#delivery.id
  }

  get channel() {
    return this.#delivery.channel
  }

  get attempts() {
    return this.#delivery.attempts
  }

  get createdAt() {
    return new Date(this.#delivery.createdAtMs)
  }

  get availableAt() {
    return new Date(this.#delivery.availableAtMs)
  }

  get position() {
    return this.#delivery.position
  }

  get leaseExpiresAt() {
    return this.#delivery.lease === null ? null : new Date(this.#delivery.lease.expiresAtMs)
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason)
    return this.#controller.signal
  }

  /** Whether its lease has ended, so that somebody else may have it. */
  get isStale(): boolean {
    return this.#owner.isStale(this.#delivery)
  }

  /** Whether somebody else gets it when it is not settled. */
  get isLeased(): boolean {
    return this.#delivery.lease !== null
  }

  /** Whether a consumer has settled it, or is about to. */
  get isSettled(): boolean {
    return this.#how !== undefined
  }

  ack(): Promise<boolean> {
    return this.#settle({ type: 'ack' })
  }

  async nack(options?: NackOptions): Promise<boolean> {
    const { delayMs, error } = resolveNackOptions(options)
    return this.#settle({ type: 'nack', delayMs, error: error === undefined ? null : describe(error) })
  }

  async extend(ms: number): Promise<boolean> {
    this.#owner.assertOpen()
    return this.#owner.inbox.settle(this.#delivery, { type: 'extend', leaseMs: resolveExtension(ms) })
  }

  /** Sets it aside; for the consumer that gives up on it before its last attempt. */
  bury(error: string): Promise<boolean> {
    return this.#settle({ type: 'dead', error })
  }

  /** Gives it back as if it had not been delivered. */
  release(): Promise<boolean> {
    return this.#settle({ type: 'release' })
  }

  /** The consumer has finished with it. Where nothing is leased, that needs no ack. */
  finish(): void {
    if (!this.isLeased && !this.isSettled) this.#owner.onSettled(this)
  }

  abort(reason: RowcastError = new ClosedError('the channel closed')): void {
    this.#abortReason ??= reason
    this.#controller?.abort(this.#abortReason)
  }

  /** Told by whoever keeps the lease. */
  onLost(): void {
    this.abort(new RowcastError('NOT_HELD', `the lease of event ${this.id} was lost: another consumer has it now`))
  }

  /** Settling twice the same way is one settlement; two different ways, the first counts. */
  #settle(how: Settlement): Promise<boolean> {
    if (this.#done !== undefined && this.#how === how.type) return this.#done
    try {
      this.#owner.assertOpen()
    } catch (error) {
      return Promise.reject(error)
    }
    if (this.isSettled) return Promise.resolve(false)
    this.#how = how.type
    this.#done = this.#owner.inbox.settle(this.#delivery, how).then(
      (held) => {
        this.#owner.onSettled(this)
        return held
      },
      (error: unknown) => {
        // Nothing is known to be settled, so it may be tried again.
        this.#how = undefined
        throw error
      },
    )
    return this.#done
  }
}
