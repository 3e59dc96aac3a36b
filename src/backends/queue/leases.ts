import { describe } from '../../errors.js'
import type { EventId } from '../../event.js'
import { groupBy } from '../../group.js'
import type { BackendContext } from '../backend.js'
import { addressOf, type QueueDelivery } from './delivery.js'

/** Shortest pause between two heartbeats, in milliseconds. */
const MIN_INTERVAL_MS = 5

/** What is in this process's hands, buffered or handed out, and the one heartbeat that keeps its leases alive. */
export class Leases implements AsyncDisposable {
  readonly #context: BackendContext
  readonly #held = new Map<EventId, QueueDelivery>()
  #timer: NodeJS.Timeout | undefined
  #intervalMs = Number.POSITIVE_INFINITY
  #beating: Promise<void> | undefined

  constructor(context: BackendContext) {
    this.#context = context
  }

  get size(): number {
    return this.#held.size
  }

  /**
   * A process that stood still may claim an event again whose lease it held: what it had of it is lost. One that is being
   * settled may have been given back already, by a connection that broke before the answer.
   */
  hold(delivery: QueueDelivery): void {
    const previous = this.#held.get(delivery.id)
    if (previous !== undefined && !previous.isSettling) this.lose(previous)
    this.#held.set(delivery.id, delivery)
    this.#beatWithin(delivery.lease.leaseMs / 3)
  }

  /**
   * It is being settled. A heartbeat that does not find the delivery meanwhile means nothing: it may be settled already,
   * by a connection that broke before the answer.
   */
  beginSettling(delivery: QueueDelivery): void {
    delivery.isSettling = true
  }

  /** The database has settled it, or said that its lease was lost. */
  endSettling(delivery: QueueDelivery, held: boolean): void {
    delivery.isSettling = false
    if (held) this.#letGo(delivery)
    else this.lose(delivery)
  }

  /** Nothing is known to be settled. Who has it may try again while its lease runs; nobody keeps that alive any more. */
  giveUpSettling(delivery: QueueDelivery): void {
    delivery.isSettling = false
    this.#letGo(delivery)
  }

  /** The database said that another holds it, or did. Counted once. */
  lose(delivery: QueueDelivery): void {
    this.#letGo(delivery)
    if (delivery.lease.lost) return
    delivery.lease.lost = true
    this.#context.telemetry.count('events.lease.lost', 1, delivery.channel)
    delivery.lease.holder?.onLost()
  }

  /** Moves the end of leases on, to at least `leaseMs` from now; loses those that are not held any more. */
  async extend(deliveries: readonly QueueDelivery[], leaseMs?: number): Promise<void> {
    for (const [channel, group] of groupBy(deliveries, (delivery) => delivery.channel)) {
      const rows = await this.#context.adapter.run('extend', {
        channel,
        deliveries: group.map((delivery) => ({ ...addressOf(delivery), lease_ms: leaseMs ?? delivery.lease.leaseMs })),
      })
      const ends = new Map(rows.map((row) => [row.id, Number(row.lease_expires_at_ms)]))
      for (const delivery of group) {
        const expiresAtMs = ends.get(delivery.id)
        if (expiresAtMs !== undefined) delivery.lease.expiresAtMs = expiresAtMs
        // What was settled while the question was under way is not lost.
        else if (this.#holds(delivery) && !delivery.isSettling) this.lose(delivery)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#held.clear()
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#beating
  }

  #letGo(delivery: QueueDelivery): void {
    if (this.#holds(delivery)) this.#held.delete(delivery.id)
  }

  #holds(delivery: QueueDelivery): boolean {
    return this.#held.get(delivery.id) === delivery
  }

  /** The shortest lease in hand sets the pace. */
  #beatWithin(intervalMs: number): void {
    if (this.#timer !== undefined && intervalMs >= this.#intervalMs) return
    clearTimeout(this.#timer)
    this.#intervalMs = Math.max(MIN_INTERVAL_MS, intervalMs)
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat()
    }, this.#intervalMs)
  }

  async #beat(): Promise<void> {
    const now = this.#context.clock.now()
    const due = [...this.#held.values()].filter(({ lease }) => lease.expiresAtMs - now < lease.leaseMs * 0.9)
    try {
      await this.extend(due)
    } catch (error) {
      // The next beat comes before the leases end; if none gets through, they end and others take over.
      this.#context.options.logger.warn('the heartbeat failed', { error: describe(error), deliveries: due.length })
    }
    this.#timer = undefined
    const shortestMs = Math.min(...[...this.#held.values()].map(({ lease }) => lease.leaseMs))
    if (this.#held.size > 0) this.#beatWithin(shortestMs / 3)
  }
}
