import type { Telemetry } from '../../../common/telemetry.js'
import type { LogDelivery } from './log-delivery.js'

/** What the consumers of one term have, and what of that they have settled but is not written yet. */
export class InHand {
  readonly #telemetry: Telemetry
  readonly #group: string
  readonly #deliveries = new Set<LogDelivery>()
  /** What a write is under way for, or about to be; their holders hear its answer. */
  readonly #settling = new Set<LogDelivery>()

  constructor(telemetry: Telemetry, group: string) {
    this.#telemetry = telemetry
    this.#group = group
  }

  get isEmpty(): boolean {
    return this.#deliveries.size === 0
  }

  /** Whether there is something, all of it left by a consumer that has gone. */
  get isLeft(): boolean {
    return !this.isEmpty && [...this.#deliveries].every(({ lease }) => lease?.isLeft)
  }

  has(delivery: LogDelivery): boolean {
    return this.#deliveries.has(delivery)
  }

  add(delivery: LogDelivery): void {
    this.#deliveries.add(delivery)
  }

  /** It will be written that it is settled. */
  beginSettling(delivery: LogDelivery): void {
    this.#settling.add(delivery)
  }

  remove(delivery: LogDelivery): void {
    this.#deliveries.delete(delivery)
  }

  endSettling(delivery: LogDelivery): void {
    this.#deliveries.delete(delivery)
    this.#settling.delete(delivery)
  }

  /** Nothing is in hand any more; the holders are told, but for those that hear from a write whether it was in time. */
  lose(how: 'lost' | 'lapsed'): void {
    for (const delivery of this.#deliveries) if (!this.#settling.has(delivery)) this.tell(delivery, how)
    this.#deliveries.clear()
  }

  /** Tells the holder that the lease has ended; once. */
  tell(delivery: LogDelivery, how: 'lost' | 'lapsed'): void {
    const { lease } = delivery
    if (lease === null || lease.lost || lease.lapsed) return
    lease[how] = true
    this.#telemetry.settled('lost', delivery, this.#group)
    lease.holder?.onLost()
  }
}
