import type { Delivery, Settlement } from '../../event.js'
import type { ResolvedSubscribeOptions } from '../../resolve.js'
import type { Inbox, Outcome } from '../backend.js'
import type { Lane, Poller } from '../poller.js'
import type { QueueDelivery } from './delivery.js'
import type { Exchange } from './exchange.js'
import type { Leases } from './leases.js'
import type { Settler } from './settler.js'

interface InboxParts {
  readonly poller: Poller
  readonly leases: Leases
  readonly settler: Settler
  exchange(channel: string): Exchange
}

/** One channel of a subscription: hot while it may have events to claim. */
class QueueLane implements Lane {
  hot = true

  constructor(
    readonly channel: string,
    readonly pollIntervalMs: number,
    readonly onHot: () => void,
  ) {}

  heat(): void {
    this.hot = true
    this.onHot()
  }

  /** The claim will meet the same. */
  fail(): void {
    this.heat()
  }
}

/** Claims for one subscription, from its channels in turn. */
export class QueueInbox implements Inbox {
  readonly #parts: InboxParts
  readonly #leaseMs: number
  readonly #lanes: QueueLane[]
  #wake = () => {}
  #signal: AbortSignal | undefined

  constructor(parts: InboxParts, channels: readonly string[], options: ResolvedSubscribeOptions) {
    this.#parts = parts
    this.#leaseMs = options.leaseMs
    this.#lanes = channels.map((channel) => new QueueLane(channel, options.pollIntervalMs, () => this.#wake()))
    for (const lane of this.#lanes) parts.poller.add(lane)
  }

  async take(limit: number, signal: AbortSignal): Promise<readonly Delivery[]> {
    while (!signal.aborted) {
      const lane = this.#nextHot()
      if (lane === undefined) {
        await this.#heated(signal)
        continue
      }
      const deliveries = await this.#claim(lane, limit)
      if (deliveries.length > 0) return deliveries
    }
    return []
  }

  // Only what `take` gave out comes back here.
  ack(delivery: Delivery, outcome: Outcome): void {
    this.#parts.settler.ack(delivery as QueueDelivery, outcome)
  }

  settle(delivery: Delivery, how: Settlement): Promise<boolean> {
    return this.#parts.settler.settle(delivery as QueueDelivery, how)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lane of this.#lanes) this.#parts.poller.remove(lane)
  }

  /** The first hot lane, which goes to the end of the line. */
  #nextHot(): QueueLane | undefined {
    const index = this.#lanes.findIndex((lane) => lane.hot)
    const [lane] = index < 0 ? [] : this.#lanes.splice(index, 1)
    if (lane !== undefined) this.#lanes.push(lane)
    return lane
  }

  async #claim(lane: QueueLane, limit: number): Promise<readonly QueueDelivery[]> {
    // Before asking: a hint that comes while the claim is under way must not be forgotten.
    lane.hot = false
    try {
      const claimed = await this.#parts.exchange(lane.channel).claim(limit, this.#leaseMs)
      if (claimed.length >= limit) lane.hot = true
      for (const delivery of claimed) this.#parts.leases.hold(delivery)
      return this.#setAside(claimed)
    } catch (error) {
      lane.hot = true
      throw error
    }
  }

  /** An event whose holders keep dying is never nacked; the claim finds its attempts used up. */
  #setAside(claimed: readonly QueueDelivery[]): readonly QueueDelivery[] {
    return claimed.filter((delivery) => {
      if (delivery.attempts <= delivery.maxAttempts) return true
      const error =
        delivery.lastError ??
        `delivered ${delivery.maxAttempts} times and never settled: its consumers died or were too slow`
      this.#parts.settler.settleInBackground(delivery, { type: 'dead', error })
      return false
    })
  }

  #heated(signal: AbortSignal): Promise<void> {
    // One listener for all the waits of a consumer: it has one signal, which aborts at its end.
    if (this.#signal !== signal) signal.addEventListener('abort', () => this.#wake(), { once: true })
    this.#signal = signal
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
