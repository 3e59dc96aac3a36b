import { heldUntil, type Lease } from '../../../common/lease.js'
import { ownClock } from '../../../common/own-clock.js'
import type { EventId } from '../../../event.js'
import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import { type Beating, Heartbeat } from '../flow/heartbeat.js'
import { isExtended, type LeaseFound } from '../verbs/lease-found.js'
import { extend, findLeased } from '../verbs/settle.js'
import type { QueueDelivery } from './delivery.js'

/** A lease is extended once less than this part of it is left. */
const DUE = 0.85
/** Most deliveries in one statement. */
const MOST = 1_000

/** Leases of one length, and the heartbeat that keeps them alive. */
export class LeaseSet implements Beating, AsyncDisposable {
  readonly leaseMs: number
  readonly #context: SqlContext
  readonly #onLost: (delivery: QueueDelivery) => void
  readonly #held = new Map<EventId, QueueDelivery>()
  readonly #heartbeat: Heartbeat

  constructor(context: SqlContext, leaseMs: number, onLost: (delivery: QueueDelivery) => void) {
    this.#context = context
    this.leaseMs = leaseMs
    this.#onLost = onLost
    this.#heartbeat = new Heartbeat(this, context.options.logger)
  }

  get size(): number {
    return this.#held.size
  }

  get isBeating(): boolean {
    return this.#held.size > 0
  }

  get what() {
    return { deliveries: this.#held.size }
  }

  get(id: EventId): QueueDelivery | undefined {
    return this.#held.get(id)
  }

  hold(delivery: QueueDelivery): void {
    this.#held.set(delivery.id, delivery)
    this.#heartbeat.start()
  }

  letGo(delivery: QueueDelivery): void {
    if (this.#holds(delivery)) this.#held.delete(delivery.id)
  }

  /** What is due, of all channels at once. */
  async extend(withinMs: number): Promise<boolean> {
    const now = ownClock.now()
    const isKept = ({ lease, isSettling }: QueueDelivery) => isSettling || !lease.isLeft
    const isDue = (delivery: QueueDelivery) => isKept(delivery) && delivery.lease.heldUntilMs - now < this.leaseMs * DUE
    const due = [...this.#held.values()].filter(isDue)
    let isWhole = true
    const most = portionOf(this.#context.database, extend, MOST)
    for (let first = 0; first < due.length; first += most) {
      const part = due.slice(first, first + most)
      if (!(await this.extendAll(part, withinMs))) isWhole = false
    }
    return isWhole
  }

  /** Extends what is not locked, loses what another has; returns whether nothing was locked. */
  async extendAll(deliveries: readonly QueueDelivery[], withinMs: number, leaseMs = this.leaseMs): Promise<boolean> {
    const { database } = this.#context
    const askedMs = ownClock.now()
    await database.run(extend(deliveries, leaseMs), withinMs)
    const leases = await database.run(findLeased(deliveries), withinMs)
    let isWhole = true
    for (const delivery of deliveries) {
      const found = leases.get(delivery.id)
      // What was settled while the question was under way is not missed.
      if (found === undefined) {
        this.#missed(delivery)
      } else {
        keep(delivery.lease, found, askedMs, leaseMs)
        isWhole &&= isExtended(found, askedMs, leaseMs)
      }
    }
    return isWhole
  }

  lapse(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const delivery of this.#held.values()) {
      const { lease, isSettling } = delivery
      if (isSettling) continue
      if (lease.heldUntilMs > nowMs) {
        nextMs = Math.min(nextMs, lease.heldUntilMs)
        continue
      }
      this.#held.delete(delivery.id)
      lease.lapsed = true
      tell(this.#context, delivery)
    }
    return nextMs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#held.clear()
    await this.#heartbeat[Symbol.asyncDispose]()
  }

  #missed(delivery: QueueDelivery): void {
    if (this.#holds(delivery) && !delivery.isSettling) this.#onLost(delivery)
  }

  #holds(delivery: QueueDelivery): boolean {
    return this.#held.get(delivery.id) === delivery
  }
}

/** For what the database says is left, whoever extended it: this attempt, or another that was under way. */
function keep(lease: Lease, { expiresAtMs, leftMs }: LeaseFound, askedMs: number, leaseMs: number): void {
  lease.expiresAtMs = Math.max(lease.expiresAtMs, expiresAtMs)
  lease.heldUntilMs = Math.max(lease.heldUntilMs, heldUntil(askedMs, Math.min(leaseMs, leftMs)))
}

/** Counts a lease that is lapsed or lost, and tells its holder; once. */
export function tell({ telemetry }: SqlContext, delivery: QueueDelivery): void {
  telemetry.settled('lost', delivery, null)
  delivery.lease.holder?.onLost()
}
