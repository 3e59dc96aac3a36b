import { ClosedError, describe, RowcastError } from '../common/errors.js'
import { isStale } from '../common/lease.js'
import { type Deferred, defer } from '../common/wait.js'
import type { Inbox, Outcome } from '../engine.js'
import type { Delivery, EventMessage, Metadata, NackOptions, Settlement } from '../event.js'
import { resolveExtension, resolveNackOptions } from '../options/resolve.js'

/** What a message needs of its subscription. */
export interface MessageOwner {
  readonly inbox: Inbox
  /** Throws once nothing can be settled any more. */
  assertOpen(): void
  /** Its consumer has decided about it, or finished with it. Told once. */
  onDone(message: Message): void
  /** The message is in nobody's hands any more. */
  onSettled(message: Message): void
}

/** A delivery in a consumer's hands, with its verbs. */
export class Message implements EventMessage, Outcome {
  readonly payload: unknown
  readonly metadata: Metadata
  readonly #delivery: Delivery
  readonly #owner: MessageOwner
  #how: 'ack' | Settlement['type'] | undefined
  #isDone = false
  /** Whether the lease was held; unknown until it is settled. */
  #held: boolean | undefined
  /** For those who wait until then. */
  #waiting: Deferred<boolean> | undefined
  #onAcked: AckObserver | undefined
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

  /** Whether its lease has ended, so that another consumer may have it. */
  get isStale(): boolean {
    return isStale(this.#delivery)
  }

  /** Whether somebody else gets it when it is not settled. */
  get isLeased(): boolean {
    return this.#delivery.lease !== null
  }

  /** Whether it is in a table, where others of its kind wait until they are read. */
  get isStored(): boolean {
    return this.isLeased || this.position !== null
  }

  /** Whether a consumer has settled it, or is about to. */
  get isSettled(): boolean {
    return this.#how !== undefined
  }

  ack(): Promise<boolean> {
    return this.#once('ack', () => this.#owner.inbox.ack(this.#delivery, this))
  }

  /** Acks for a consumer that goes on meanwhile. One that is settled already stays as it is. */
  ackAside(onAcked: AckObserver): void {
    this.#onAcked = onAcked
    try {
      if (this.#begin('ack')) this.#owner.inbox.ack(this.#delivery, this)
      else this.#tell()
    } catch (error) {
      this.#tell(error)
    }
  }

  async nack(options?: NackOptions): Promise<boolean> {
    const { delayMs, error } = resolveNackOptions(options)
    return this.#settle({ type: 'nack', delayMs, error: error === undefined ? null : describe(error) })
  }

  async extend(ms: number): Promise<boolean> {
    this.#owner.assertOpen()
    const leaseMs = resolveExtension(ms)
    return !this.isSettled && this.#owner.inbox.settle(this.#delivery, { type: 'extend', leaseMs })
  }

  /** Sets it aside; for the consumer that gives up on it before its last attempt. */
  bury(error: string): Promise<boolean> {
    return this.#settle({ type: 'dead', error })
  }

  /** Gives it back as if it had not been delivered. */
  release(): Promise<boolean> {
    return this.#settle({ type: 'release' })
  }

  /** Its consumer has gone, and left it: it may still be settled while its lease lasts, which is not extended any more. */
  leave(): void {
    if (this.#delivery.lease !== null) this.#delivery.lease.isLeft = true
  }

  /** Nobody will settle it: where it is leased, the lease ends by itself, and the event is delivered again. */
  giveUp(): void {
    this.#owner.onSettled(this)
  }

  /** The consumer has finished with it. Where nothing is leased, that needs no ack. */
  finish(): void {
    if (this.isLeased || this.isSettled) return
    this.#noteDone()
    this.#owner.onSettled(this)
  }

  abort(reason: RowcastError = new ClosedError('the channel closed')): void {
    this.#abortReason ??= reason
    this.#controller?.abort(this.#abortReason)
  }

  /** Told by what keeps the lease. */
  onLost(): void {
    const why = this.#delivery.lease?.lost
      ? 'was lost: another consumer has it now'
      : 'could not be extended in time: another consumer may have it'
    this.abort(new RowcastError('NOT_HELD', `the lease of event ${this.id} ${why}`))
    // Nobody is there any more who would settle it.
    if (this.#delivery.lease?.isLeft) this.giveUp()
  }

  /** Told by the backend. */
  onSettled(held: boolean): void {
    this.#held = held
    this.#owner.onSettled(this)
    this.#waiting?.resolve(held)
    this.#tell()
  }

  /** Nothing is known to be settled, so it may be tried again. */
  onSettleFailed(error: unknown): void {
    this.#how = undefined
    if (this.#onAcked !== undefined) this.giveUp()
    this.#waiting?.reject(error)
    this.#waiting = undefined
    this.#tell(error)
  }

  #tell(error?: unknown): void {
    const onAcked = this.#onAcked
    this.#onAcked = undefined
    onAcked?.(this, error)
  }

  #settle(how: Settlement): Promise<boolean> {
    return this.#once(how.type, () => {
      this.#owner.inbox.settle(this.#delivery, how).then(
        (held) => this.onSettled(held),
        (error: unknown) => this.onSettleFailed(error),
      )
    })
  }

  /** Settling twice the same way is one settlement; two different ways, the first counts. */
  #once(how: 'ack' | Settlement['type'], settle: () => void): Promise<boolean> {
    try {
      if (this.#how !== how && this.#begin(how)) settle()
    } catch (error) {
      return Promise.reject(error)
    }
    if (this.#how !== how) return Promise.resolve(false)
    if (this.#held !== undefined) return Promise.resolve(this.#held)
    this.#waiting ??= defer()
    return this.#waiting.promise
  }

  /** Whether it is not settled yet, but is from now on. */
  #begin(how: 'ack' | Settlement['type']): boolean {
    this.#owner.assertOpen()
    if (this.isSettled) return false
    this.#how = how
    this.#noteDone()
    return true
  }

  /** An ack that failed may be tried again. */
  #noteDone(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#owner.onDone(this)
  }
}

/** Told once an ack is through, or has failed. */
type AckObserver = (message: Message, error?: unknown) => void
