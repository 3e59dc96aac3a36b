import { ClosedError, describe, RowcastError } from '../common/errors.js'
import { isStale } from '../common/lease.js'
import type { Delivery, EventMessage, Metadata } from '../event.js'
import type { NackOptions } from '../options/options.js'
import { resolveExtension, resolveNackOptions } from '../options/resolve.js'
import { type Owner, Settling } from './settling.js'

/** What a message needs of its subscription. */
export type MessageOwner = Owner<Message>

/** A delivery in a consumer's hands, with its verbs. */
export class Message extends Settling implements EventMessage {
  readonly payload: unknown
  readonly metadata: Metadata
  #controller: AbortController | undefined
  #abortReason: RowcastError | undefined

  constructor(delivery: Delivery, payload: unknown, metadata: Metadata, owner: MessageOwner) {
    super(delivery, owner as Owner<Settling>)
    this.payload = payload
    this.metadata = metadata
    if (delivery.lease !== null) delivery.lease.holder = this
  }

  get id() {
    return this.delivery.id
  }

  get channel() {
    return this.delivery.channel
  }

  get attempts() {
    return this.delivery.attempts
  }

  get createdAt() {
    return new Date(this.delivery.createdAtMs)
  }

  get availableAtMs() {
    return this.delivery.availableAtMs
  }

  get availableAt() {
    return new Date(this.availableAtMs)
  }

  get position() {
    return this.delivery.position
  }

  get leaseExpiresAt() {
    return this.delivery.lease === null ? null : new Date(this.delivery.lease.expiresAtMs)
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason)
    return this.#controller.signal
  }

  /** Whether its lease has ended, so that another consumer may have it. */
  get isStale(): boolean {
    return isStale(this.delivery)
  }

  /** Whether another consumer gets it when it is not settled. */
  get isLeased(): boolean {
    return this.delivery.lease !== null
  }

  /** Whether it is in a table, where others of its kind wait until they are read. */
  get isStored(): boolean {
    return this.isLeased || this.position !== null
  }

  async nack(options?: NackOptions): Promise<boolean> {
    const { delayMs, error } = resolveNackOptions(options)
    return this.settle({ type: 'nack', delayMs, error: error === undefined ? null : describe(error) })
  }

  async extend(ms: number): Promise<boolean> {
    this.owner.assertOpen()
    const leaseMs = resolveExtension(ms)
    return !this.isSettled && this.owner.inbox.settle(this.delivery, { type: 'extend', leaseMs })
  }

  /** For the consumer that gives up on it before its last attempt. */
  deadLetter(error: string): Promise<boolean> {
    return this.settle({ type: 'dead', error })
  }

  /** Gives it back as if it had not been delivered. */
  release(): Promise<boolean> {
    return this.settle({ type: 'release' })
  }

  /** Its consumer has gone, and left it: it may still be settled while its lease lasts, which is not extended any more. */
  leave(): void {
    if (this.delivery.lease !== null) this.delivery.lease.isLeft = true
  }

  /** The consumer has finished with it. Where nothing is leased, that needs no ack. */
  finish(): void {
    if (this.isLeased || this.isSettled) return
    this.noteDone()
    this.owner.onSettled(this)
  }

  abort(reason: RowcastError = new ClosedError('the channel closed')): void {
    this.#abortReason ??= reason
    this.#controller?.abort(this.#abortReason)
  }

  /** Told by what keeps the lease. */
  onLost(): void {
    const why = this.delivery.lease?.lost
      ? 'was lost: another consumer has it now'
      : 'could not be extended in time: another consumer may have it'
    this.abort(new RowcastError('NOT_HELD', `the lease of event ${this.id} ${why}`))
    // Nobody is there any more who would settle it.
    if (this.delivery.lease?.isLeft) this.giveUp()
  }
}
