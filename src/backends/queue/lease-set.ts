import { portionOf } from '../../adapters/adapter.js'
import type { EventId } from '../../event.js'
import { heldUntil } from '../../lease.js'
import { ownClock } from '../../own-clock.js'
import type { BackendContext } from '../backend.js'
import { type Beating, Heartbeat } from '../heartbeat.js'
import { addressOf, type QueueDelivery } from './delivery.js'

/** A lease is extended once less than this part of it is left. */
const DUE = 0.85
/** Most deliveries in one statement. */
const MOST = 1_000

/** Leases of one length, and the heartbeat that keeps them alive. */
export class LeaseSet implements Beating, AsyncDisposable {
  readonly leaseMs: number
  readonly #context: BackendContext
  readonly #onLost: (delivery: QueueDelivery) => void
  readonly #held = new Map<EventId, QueueDelivery>()
  readonly #heartbeat: Heartbeat

  constructor(context: BackendContext, leaseMs: number, onLost: (delivery: QueueDelivery) => void) {
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
    const isDue = ({ lease }: QueueDelivery) => !lease.isLeft && lease.heldUntilMs - now < this.leaseMs * DUE
    const due = [...this.#held.values()].filter(isDue)
    let isWhole = true
    const most = portionOf(this.#context.adapter, 'extend', MOST)
    for (let first = 0; first < due.length; first += most) {
      const part = due.slice(first, first + most)
      const locked = await this.extendAll(part, withinMs)
      if (locked.size === 0) continue
      isWhole = false
      // Nobody could claim them when this was asked; it is asked again before what that is worth is over.
      for (const { id, lease } of part) if (locked.has(id)) keepFor(lease, now, this.leaseMs / 3)
    }
    return isWhole
  }

  /** Extends what is not locked, loses what another has; returns the ids of those that are locked. */
  async extendAll(
    deliveries: readonly QueueDelivery[],
    withinMs: number,
    leaseMs = this.leaseMs,
  ): Promise<ReadonlySet<unknown>> {
    const askedMs = ownClock.now()
    const addresses = deliveries.map((delivery) => ({ channel: delivery.channel, ...addressOf(delivery) }))
    const rows = await this.#context.adapter.run(
      'extend',
      { deliveries: addresses.map((address) => ({ ...address, lease_ms: leaseMs })) },
      withinMs,
    )
    const ends = new Map(rows.map((row) => [row.id, Number(row.lease_expires_at_ms)]))
    for (const { id, lease } of deliveries) {
      const expiresAtMs = ends.get(id)
      if (expiresAtMs === undefined) continue
      lease.expiresAtMs = expiresAtMs
      keepFor(lease, askedMs, leaseMs)
    }
    // What was settled while the question was under way is not missed.
    const missing = deliveries.filter((delivery) => !ends.has(delivery.id) && this.#isMissed(delivery))
    return missing.length === 0 ? new Set() : this.#findLocked(missing, withinMs)
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

  async #findLocked(missing: readonly QueueDelivery[], withinMs: number): Promise<ReadonlySet<unknown>> {
    const addresses = missing.map((delivery) => ({ channel: delivery.channel, ...addressOf(delivery) }))
    const rows = await this.#context.adapter.run('find_leased', { deliveries: addresses }, withinMs)
    const locked = new Set(rows.map((row) => row.id))
    for (const delivery of missing) if (!locked.has(delivery.id) && this.#isMissed(delivery)) this.#onLost(delivery)
    return locked
  }

  #isMissed(delivery: QueueDelivery): boolean {
    return this.#holds(delivery) && !delivery.isSettling
  }

  #holds(delivery: QueueDelivery): boolean {
    return this.#held.get(delivery.id) === delivery
  }
}

function keepFor(lease: QueueDelivery['lease'], askedMs: number, ms: number): void {
  lease.heldUntilMs = Math.max(lease.heldUntilMs, heldUntil(askedMs, ms))
}

/** Counts a lease that is lapsed or lost, and tells its holder; once. */
export function tell({ telemetry }: BackendContext, { channel, lease }: QueueDelivery): void {
  telemetry.count('events.lease.lost', 1, channel)
  lease.holder?.onLost()
}
