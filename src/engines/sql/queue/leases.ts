import { ContentionError } from '../../../common/errors.js'
import { isOver } from '../../../common/lease.js'
import { backoffMs, retry } from '../../../common/retry.js'
import type { SqlContext } from '../context.js'
import { isPassing } from '../flow/retry.js'
import type { QueueDelivery } from './delivery.js'
import { LeaseSet, tell } from './lease-set.js'

/** Shortest time that an extension that a consumer asked for is tried, in milliseconds. */
const MIN_EXTENSION_MS = 500

/**
 * What is in this process's hands, buffered or handed out. A lease of it is in one of these states:
 *
 *     claimed → held ── ack, nack … ──→ settling ── answered ──────────→ settled
 *                │  ↑ extended             │  └─ not answered → undecided, asked again until it is known
 *                │  └── passed over        └─ answered: another has it ─→ lost
 *                ├── its time passed, by this process's clock ─→ lapsed ── ack, nack … ──→ asked: settled, or lost
 *                └── the database says that another has it ────→ lost
 *
 * Held: the heartbeat extends it, unless its consumer has gone and left it unsettled. A row that somebody's transaction has locked is passed over:
 * it is neither extended nor lost, and is asked for again soon. Settling and undecided: it is extended too,
 * but not missed, since it may be settled already; its holder is told nothing but the answer. Lapsed and lost: the holder
 * has been told, once, and the heartbeat leaves it alone. The database may still say that a lapsed one was in time.
 */
export class Leases implements AsyncDisposable {
  readonly #context: SqlContext
  /** By the length of the leases: a short one sets no pace for long ones, nor does a long one hold up short ones. */
  readonly #sets = new Map<number, LeaseSet>()

  constructor(context: SqlContext) {
    this.#context = context
  }

  get size(): number {
    let size = 0
    for (const set of this.#sets.values()) size += set.size
    return size
  }

  /**
   * A process that stood still may claim an event again whose lease it held: what it had of it is lost. One that is being
   * settled may have been given back already, by a connection that broke before the answer.
   */
  hold(delivery: QueueDelivery): void {
    for (const set of this.#sets.values()) {
      const previous = set.get(delivery.id)
      if (previous === undefined) continue
      if (previous.isSettling) set.letGo(previous)
      else this.lose(previous)
    }
    this.#setOf(delivery).hold(delivery)
  }

  /** A heartbeat that does not find the delivery from now on means nothing: it may be settled already. */
  beginSettling(delivery: QueueDelivery): void {
    delivery.isSettling = true
  }

  /** The database has settled it, or said that its lease was lost. */
  endSettling(delivery: QueueDelivery, held: boolean): void {
    delivery.isSettling = false
    if (held) this.#setOf(delivery).letGo(delivery)
    else this.lose(delivery)
  }

  /** Nothing is known to be settled. Its consumer may try again while its lease runs; the heartbeat leaves it alone. */
  giveUpSettling(delivery: QueueDelivery): void {
    delivery.isSettling = false
    this.#setOf(delivery).letGo(delivery)
  }

  /** The database said that another holds it, or did. */
  lose(delivery: QueueDelivery): void {
    this.#setOf(delivery).letGo(delivery)
    if (delivery.lease.lost) return
    delivery.lease.lost = true
    if (!delivery.lease.lapsed) tell(this.#context, delivery)
  }

  /** Makes a lease last at least `leaseMs` from now; `false` when it was lost. */
  async extend(delivery: QueueDelivery, leaseMs: number): Promise<boolean> {
    const { lease } = delivery
    const set = this.#setOf(delivery)
    const attemptMs = Math.max(MIN_EXTENSION_MS, lease.leaseMs / 6)
    const policy = {
      isWorthAnother: (error: unknown) => !isOver(lease) && isPassing(error),
      pauseMs: (attempt: number) => backoffMs(attempt, { minMs: 4, maxMs: attemptMs / 10 }),
    }
    return retry(policy, async () => {
      if (await set.extendAll([delivery], attemptMs, leaseMs)) return !lease.lost && !lease.lapsed
      throw new ContentionError(`event ${delivery.id} could not be extended: another transaction has locked it`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sets.values()].map((set) => set[Symbol.asyncDispose]()))
  }

  #setOf({ lease: { leaseMs } }: QueueDelivery): LeaseSet {
    let set = this.#sets.get(leaseMs)
    if (set === undefined) {
      set = new LeaseSet(this.#context, leaseMs, (delivery) => this.lose(delivery))
      this.#sets.set(leaseMs, set)
    }
    return set
  }
}
