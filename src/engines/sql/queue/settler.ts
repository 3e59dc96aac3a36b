import { Coalescer } from '../../../common/coalescer.js'
import { ConnectionError, describe } from '../../../common/errors.js'
import { isOver } from '../../../common/lease.js'
import { Background, sleep } from '../../../common/wait.js'
import type { Outcome } from '../../../engine.js'
import type { Settlement } from '../../../event.js'
import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import { noteDeadLettered } from '../flow/dead-lettered.js'
import { isWorthAnother, pauseMs } from '../flow/retry.js'
import type { WakeUps } from '../flow/wake-ups.js'
import { addressOf, type QueueDelivery } from './delivery.js'
import type { Leases } from './leases.js'
import type { RoundTrips } from './round-trips.js'

/** Most deliveries in one statement. */
const FLUSH_LIMIT = 1_000

type GiveBack = 'release' | 'reschedule' | 'bury'

interface Item {
  readonly delivery: QueueDelivery
  /** What the statement takes besides the address. */
  readonly details: Readonly<Record<string, unknown>>
}

/** Whether the lease was held; `undefined` when nobody can say. */
type Answer = boolean | undefined

interface SettlerParts {
  readonly leases: Leases
  readonly wakeUps: WakeUps
  /** Aborts when trying again has to end. */
  readonly closing: AbortSignal
  roundTrips(channel: string): RoundTrips
}

/** Ends deliveries one way or another, fenced by their lease, and counts what became true. */
export class Settler {
  readonly #context: SqlContext
  readonly #parts: SettlerParts
  readonly #background = new Background()
  /** By verb and channel: a flush is one statement, all or none. */
  readonly #coalescers = new Map<string, Coalescer<Item, Answer>>()

  constructor(context: SqlContext, parts: SettlerParts) {
    this.#context = context
    this.#parts = parts
  }

  ack(delivery: QueueDelivery, outcome: Outcome): void {
    if (delivery.lease.lost) outcome.onSettled(false)
    else this.#parts.roundTrips(delivery.channel).ack(delivery, outcome)
  }

  /** `false`: the lease was lost. */
  async settle(delivery: QueueDelivery, how: Settlement): Promise<boolean> {
    if (delivery.lease.lost) return false
    const { leases } = this.#parts
    if (how.type === 'extend') return !delivery.lease.lapsed && leases.extend(delivery, how.leaseMs)
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
    const held = await this.#send('bury', { delivery, details: { error } })
    if (held) noteDeadLettered(this.#context, delivery, error)
    return held
  }

  async #giveBack(verb: 'release' | 'reschedule', delivery: QueueDelivery, details: Item['details']): Promise<boolean> {
    const held = await this.#send(verb, { delivery, details })
    if (!held) return false
    this.#parts.roundTrips(delivery.channel).putBack(delivery)
    this.#parts.wakeUps.returned(delivery.channel, Number(details.delay_ms ?? 0))
    return true
  }

  async #send(verb: GiveBack, item: Item): Promise<boolean> {
    const held = await this.#coalescer(verb, item.delivery).add(item)
    if (held !== undefined) return held
    throw new ConnectionError(
      `whether event ${item.delivery.id} was given back is not known: the answer was lost, and its lease has ended since`,
    )
  }

  /** What is lapsed goes by itself: the same event may have been claimed again here, and be on its way, too. */
  #coalescer(verb: GiveBack, { channel, lease }: QueueDelivery): Coalescer<Item, Answer> {
    const key = `${verb} ${lease.lapsed ? 'late' : 'held'} ${channel}`
    let coalescer = this.#coalescers.get(key)
    if (coalescer === undefined) {
      const limit = () => portionOf(this.#context.database, verb, FLUSH_LIMIT)
      coalescer = new Coalescer(limit, (items) => this.#flush(verb, channel, items))
      this.#coalescers.set(key, coalescer)
    }
    return coalescer
  }

  /**
   * Is asked again while it may come through. What is not held then, although its lease still runs, was settled by the
   * attempt whose answer was lost: nobody else could have.
   */
  async #flush(verb: GiveBack, channel: string, items: readonly Item[]): Promise<readonly Answer[]> {
    const deliveries = items.map(({ delivery, details }) => ({ ...addressOf(delivery), ...details }))
    const isHeld = () => items.some(({ delivery }) => !isOver(delivery.lease))
    let isOpen = false
    for (let attempt = 1; ; attempt++) {
      try {
        const rows = await this.#context.database.run(verb, { channel, deliveries })
        const held = new Set(rows.map((row) => row.id))
        return items.map(({ delivery: { id, lease } }) => {
          if (lease.lost || held.has(id) || !isOpen) return !lease.lost && held.has(id)
          return isOver(lease) ? undefined : true
        })
      } catch (error) {
        if (this.#parts.closing.aborted || !isWorthAnother(error, attempt, isHeld())) throw error
        isOpen ||= error instanceof ConnectionError
        await sleep(pauseMs(attempt), this.#parts.closing)
      }
    }
  }
}
