import { portionOf } from '../../adapters/adapter.js'
import { Coalescer } from '../../coalescer.js'
import { describe } from '../../errors.js'
import type { Settlement } from '../../event.js'
import { Background } from '../../wait.js'
import type { BackendContext, Outcome } from '../backend.js'
import { noteBuried } from '../buried.js'
import { retryOnBreak } from '../retry.js'
import type { WakeUps } from '../wake-ups.js'
import { addressOf, type QueueDelivery } from './delivery.js'
import type { Exchange } from './exchange.js'
import type { Leases } from './leases.js'

/** Most deliveries in one statement. */
const FLUSH_LIMIT = 1_000

/** How often giving back is tried over connections that break. */
const ATTEMPTS = 6

type GiveBack = 'release' | 'reschedule' | 'bury'

interface Item {
  readonly delivery: QueueDelivery
  /** What the statement takes besides the address. */
  readonly details: Readonly<Record<string, unknown>>
}

interface SettlerParts {
  readonly leases: Leases
  readonly wakeUps: WakeUps
  exchange(channel: string): Exchange
}

/** Ends deliveries one way or another, fenced by their lease, and counts what became true. */
export class Settler {
  readonly #context: BackendContext
  readonly #parts: SettlerParts
  readonly #background = new Background()
  /** By verb and channel: a flush is one statement, all or none. */
  readonly #coalescers = new Map<string, Coalescer<Item, boolean>>()

  constructor(context: BackendContext, parts: SettlerParts) {
    this.#context = context
    this.#parts = parts
  }

  ack(delivery: QueueDelivery, outcome: Outcome): void {
    if (delivery.lease.lost) outcome.onSettled(false)
    else this.#parts.exchange(delivery.channel).ack(delivery, outcome)
  }

  /** `false`: the lease was lost. */
  async settle(delivery: QueueDelivery, how: Settlement): Promise<boolean> {
    if (delivery.lease.lost) return false
    if (how.type === 'extend') return this.#extend(delivery, how.leaseMs)
    const { leases } = this.#parts
    leases.beginSettling(delivery)
    try {
      const held = await this.#apply(delivery, how)
      leases.endSettling(delivery, held)
      return held
    } catch (error) {
      leases.giveUpSettling(delivery)
      throw error
    }
  }

  /** For what no caller waits for: when it fails, the lease ends and whoever claims next does it. */
  settleInBackground(delivery: QueueDelivery, how: Settlement): void {
    this.#background.add(this.settle(delivery, how), (error) => {
      this.#context.options.logger.warn('an event could not be settled', { id: delivery.id, error: describe(error) })
    })
  }

  async idle(): Promise<void> {
    await this.#background.drained()
    await Promise.all([...this.#coalescers.values()].map((coalescer) => coalescer.idle()))
  }

  #apply(delivery: QueueDelivery, how: Exclude<Settlement, { type: 'extend' }>): Promise<boolean> {
    switch (how.type) {
      case 'release':
        return this.#giveBack('release', delivery, { given_back: 1, error: null })
      case 'nack':
        return this.#nack(delivery, how.delayMs, how.error)
      case 'dead':
        return this.#bury(delivery, how.error)
    }
  }

  async #nack(delivery: QueueDelivery, delayMs: number, error: string | null): Promise<boolean> {
    const held = await this.#nackOnce(delivery, delayMs, error)
    if (held) this.#context.telemetry.count('events.nack', 1, delivery.channel)
    return held
  }

  #nackOnce(delivery: QueueDelivery, delayMs: number, error: string | null): Promise<boolean> {
    if (delivery.attempts >= delivery.maxAttempts) {
      return this.#bury(delivery, error ?? delivery.lastError ?? `nacked ${delivery.attempts} times`)
    }
    if (delayMs > 0) return this.#giveBack('reschedule', delivery, { delay_ms: delayMs, error })
    return this.#giveBack('release', delivery, { given_back: 0, error })
  }

  async #bury(delivery: QueueDelivery, error: string): Promise<boolean> {
    const held = await this.#coalescer('bury', delivery.channel).add({ delivery, details: { error } })
    if (held) noteBuried(this.#context, delivery, error)
    return held
  }

  async #giveBack(verb: 'release' | 'reschedule', delivery: QueueDelivery, details: Item['details']): Promise<boolean> {
    const held = await this.#coalescer(verb, delivery.channel).add({ delivery, details })
    if (!held) return false
    this.#parts.exchange(delivery.channel).putBack(delivery)
    this.#parts.wakeUps.returned(delivery.channel, Number(details.delay_ms ?? 0))
    return true
  }

  async #extend(delivery: QueueDelivery, leaseMs: number): Promise<boolean> {
    await this.#parts.leases.extend([delivery], leaseMs)
    return !delivery.lease.lost
  }

  #coalescer(verb: GiveBack, channel: string): Coalescer<Item, boolean> {
    const key = `${verb} ${channel}`
    let coalescer = this.#coalescers.get(key)
    if (coalescer === undefined) {
      const limit = () => portionOf(this.#context.adapter, verb, FLUSH_LIMIT)
      coalescer = new Coalescer(limit, (items) => this.#flush(verb, channel, items))
      this.#coalescers.set(key, coalescer)
    }
    return coalescer
  }

  async #flush(verb: GiveBack, channel: string, items: readonly Item[]): Promise<readonly boolean[]> {
    const held = new Set(await this.#ask(verb, channel, items))
    return items.map(({ delivery }) => !delivery.lease.lost && held.has(delivery.id))
  }

  /**
   * The ids of those that were held. Over a broken connection it is asked again; what is not held then, although its
   * lease still runs, was settled by the attempt whose answer was lost: nobody else could have.
   */
  async #ask(verb: GiveBack, channel: string, items: readonly Item[]): Promise<readonly unknown[]> {
    const deliveries = items.map(({ delivery, details }) => ({ ...addressOf(delivery), ...details }))
    return retryOnBreak(ATTEMPTS, async (attempt) => {
      const rows = await this.#context.adapter.run(verb, { channel, deliveries })
      const now = this.#context.clock.now()
      const settled = attempt === 1 ? [] : items.filter(({ delivery }) => delivery.lease.expiresAtMs > now)
      return [...rows.map((row) => row.id), ...settled.map(({ delivery }) => delivery.id)]
    })
  }
}
