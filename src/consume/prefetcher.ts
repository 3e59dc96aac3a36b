import { isFinal, type Outage } from '../common/outage.js'
import { Latch, sleep } from '../common/wait.js'
import type { Inbox } from '../engine.js'
import type { Delivery } from '../event.js'
import type { Demand } from './demand.js'
import { Prefetch } from './prefetch.js'

/** Whom events are fetched for. */
export interface Taker {
  readonly demand: Pick<Demand<unknown>, 'hasBegun' | 'events'>
  /** What was fetched and waits for it. */
  readonly buffer: readonly Delivery[]
  /** Events were fetched. */
  accept(deliveries: readonly Delivery[]): void
  /** Trying again is pointless. */
  fail(error: unknown): void
}

/**
 * Fetches what one consumer can handle at once, and a little ahead. While events are plenty, two takes follow each other
 * closely: the database works on one while the consumer works on what the other brought.
 */
export class Prefetcher {
  readonly #taker: Taker
  readonly #prefetch: Prefetch
  readonly #outage: Outage
  readonly #inbox: Inbox
  /** Events asked for and not here yet. */
  #asked = 0
  readonly #wanted = new Latch()

  constructor(inbox: Inbox, taker: Taker, prefetch: number | 'auto', outage: Outage) {
    this.#inbox = inbox
    this.#taker = taker
    this.#prefetch = new Prefetch(prefetch)
    this.#outage = outage
  }

  /** Resolves when the signal has aborted and no take is under way any more. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#takeTurns(signal), this.#takeTurns(signal)])
  }

  /** The demand may have grown. */
  poke(): void {
    if (this.#wanted.isAwaited && this.#room() > 0) this.#wanted.ring()
  }

  /** The consumer has an event in hand, or is done with it. */
  onHandedOut(event: object): void {
    this.#prefetch.onHandedOut(event)
  }

  onDone(event: object): void {
    this.#prefetch.onDone(event)
  }

  /** The consumer has settled an event. */
  onSettled(): void {
    this.#prefetch.onSettled()
  }

  async #takeTurns(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const limit = this.#room()
        if (limit > 0) await this.#fetch(limit, signal)
        else await this.#wanted.heard(signal)
      }
    } catch (error) {
      this.#taker.fail(error)
    }
  }

  async #fetch(limit: number, signal: AbortSignal): Promise<void> {
    this.#asked += limit
    try {
      const deliveries = await this.#inbox.take(limit, signal)
      this.#outage.end()
      this.#taker.accept(deliveries)
    } catch (error) {
      if (isFinal(error)) throw error
      await sleep(this.#outage.begin(error), signal)
    } finally {
      this.#asked -= limit
    }
  }

  /**
   * How many events to fetch now: what can be handled at once and a little ahead, once half of that is used up. Nothing before
   * the first is asked for.
   */
  #room(): number {
    const { demand, buffer } = this.#taker
    if (!demand.hasBegun || (this.#asked > 0 && !this.#inbox.isPlenty)) return 0
    const ahead = this.#prefetch.target
    const { events } = demand
    const coming = buffer.length + this.#asked
    if (coming > 0 && coming >= events + ahead / 2) return 0
    return events + ahead - coming
  }
}
