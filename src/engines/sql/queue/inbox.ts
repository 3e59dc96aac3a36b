import { Latch } from '../../../common/wait.js'
import type { Inbox, Outcome } from '../../../engine.js'
import type { Settlement } from '../../../event.js'
import type { ResolvedSubscribeOptions } from '../../../options/resolve.js'
import type { Lane, Poller } from '../flow/poller.js'
import type { QueueDelivery } from './delivery.js'
import type { Leases } from './leases.js'
import type { QueueChannel } from './queue-channel.js'
import type { Settler } from './settler.js'

interface InboxParts {
  readonly poller: Poller
  readonly leases: Leases
  readonly settler: Settler
  channel(name: string): QueueChannel
  onDispose(): void
}

/** One channel of a subscription. */
class QueueLane implements Lane {
  /** Somebody said that it may have events. */
  #isHinted = true
  #isPlenty = false

  constructor(
    readonly channel: string,
    readonly pollIntervalMs: number,
    readonly onHot: () => void,
  ) {}

  /** Whether it may have events to claim. */
  get isHot(): boolean {
    return this.#isHinted || this.#isPlenty
  }

  get isWaiting(): boolean {
    return !this.isHot
  }

  /** Whether the last claim brought as many as it asked for. */
  get isPlenty(): boolean {
    return this.#isPlenty
  }

  heat(): void {
    this.#isHinted = true
    this.onHot()
  }

  /** A claim is about to find out. Called before it asks: a hint that comes while it is under way must not be forgotten. */
  cool(): void {
    this.#isHinted = false
  }

  /** A claim has found out. One hint may have woken two takes, of which only one had something to ask. */
  note(isPlenty: boolean): void {
    this.#isPlenty = isPlenty
    if (isPlenty) this.onHot()
  }

  /** The claim will meet the same. */
  fail(): void {
    this.heat()
  }
}

/** Claims for one subscription, from its channels in turn. */
export class QueueInbox implements Inbox<QueueDelivery> {
  readonly #parts: InboxParts
  readonly #leaseMs: number
  readonly #lanes: QueueLane[]
  readonly #hot = new Latch()

  constructor(parts: InboxParts, channels: readonly string[], options: ResolvedSubscribeOptions) {
    this.#parts = parts
    this.#leaseMs = options.leaseMs
    this.#lanes = channels.map((channel) => new QueueLane(channel, options.pollIntervalMs, () => this.#hot.ring()))
    for (const lane of this.#lanes) parts.poller.add(lane)
  }

  get isPlenty(): boolean {
    return this.#lanes.some((lane) => lane.isPlenty)
  }

  async take(limit: number, signal: AbortSignal): Promise<readonly QueueDelivery[]> {
    while (!signal.aborted) {
      const lane = this.#nextHot()
      if (lane === undefined) {
        await this.#hot.heard(signal)
        continue
      }
      const deliveries = await this.#claim(lane, limit)
      if (deliveries.length > 0) return deliveries
    }
    return []
  }

  ack(delivery: QueueDelivery, outcome: Outcome): void {
    this.#parts.settler.ack(delivery, outcome)
  }

  settle(delivery: QueueDelivery, how: Settlement): Promise<boolean> {
    return this.#parts.settler.settle(delivery, how)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lane of this.#lanes) this.#parts.poller.remove(lane)
    this.#parts.onDispose()
  }

  /** The first hot lane, which goes to the end of the line. */
  #nextHot(): QueueLane | undefined {
    const index = this.#lanes.findIndex((lane) => lane.isHot)
    const [lane] = index < 0 ? [] : this.#lanes.splice(index, 1)
    if (lane !== undefined) this.#lanes.push(lane)
    return lane
  }

  async #claim(lane: QueueLane, most: number): Promise<readonly QueueDelivery[]> {
    lane.cool()
    try {
      const { roundTrips } = this.#parts.channel(lane.channel)
      const limit = Math.min(most, roundTrips.portion)
      const claimed = await roundTrips.claim(limit, this.#leaseMs)
      lane.note(claimed.length >= limit)
      if (lane.isWaiting) this.#parts.poller.onWaiting()
      for (const delivery of claimed) this.#parts.leases.hold(delivery)
      return this.#setAside(claimed)
    } catch (error) {
      lane.heat()
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
}
