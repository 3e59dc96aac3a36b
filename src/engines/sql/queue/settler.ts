import { Coalescer } from '../../../common/coalescer.js'
import { ConnectionError, describe } from '../../../common/errors.js'
import { isOver } from '../../../common/lease.js'
import { Background, sleep } from '../../../common/wait.js'
import type { Outcome } from '../../../engine.js'
import type { EventId, Settlement } from '../../../event.js'
import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import { noteDeadLettered } from '../flow/dead-lettered.js'
import { isWorthAnother, pauseMs } from '../flow/retry.js'
import type { WakeUps } from '../flow/wake-ups.js'
import type { NamedVerb, Question } from '../unit-of-work.js'
import { deadLetter, release, reschedule } from '../verbs/settle.js'
import type { QueueDelivery } from './delivery.js'
import type { Leases } from './leases.js'
import type { RoundTrips } from './round-trips.js'

/** Most deliveries in one statement. */
const FLUSH_LIMIT = 1_000

/** What ends deliveries of one channel; answers with the ids whose lease was held. */
type SettlingVerb<Item> = NamedVerb & ((channel: string, items: readonly Item[]) => Question<ReadonlySet<EventId>>)

interface Settling {
  readonly delivery: QueueDelivery
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
  readonly #coalescers = new Map<string, Pick<Coalescer<unknown, Answer>, 'idle'>>()

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
        return this.#release(delivery, true, null)
      case 'nack':
        return this.#nack(delivery, how.delayMs, how.error)
      case 'dead':
        return this.#deadLetter(delivery, how.error)
    }
  }

  async #nack(delivery: QueueDelivery, delayMs: number, error: string | null): Promise<boolean> {
    const held = await this.#nackOnce(delivery, delayMs, error)
    if (held) this.#context.telemetry.count('events.nack', 1, delivery.channel)
    return held
  }

  #nackOnce(delivery: QueueDelivery, delayMs: number, error: string | null): Promise<boolean> {
    if (delivery.attempts >= delivery.maxAttempts) {
      return this.#deadLetter(delivery, error ?? delivery.lastError ?? `nacked ${delivery.attempts} times`)
    }
    return delayMs > 0 ? this.#reschedule(delivery, delayMs, error) : this.#release(delivery, false, error)
  }

  async #deadLetter(delivery: QueueDelivery, error: string): Promise<boolean> {
    const held = await this.#send(deadLetter, { delivery, error })
    if (held) noteDeadLettered(this.#context, delivery, error)
    return held
  }

  async #release(delivery: QueueDelivery, isUntried: boolean, error: string | null): Promise<boolean> {
    return this.#returned(delivery, 0, await this.#send(release, { delivery, isUntried, error }))
  }

  async #reschedule(delivery: QueueDelivery, delayMs: number, error: string | null): Promise<boolean> {
    return this.#returned(delivery, delayMs, await this.#send(reschedule, { delivery, delayMs, error }))
  }

  #returned(delivery: QueueDelivery, delayMs: number, held: boolean): boolean {
    if (!held) return false
    this.#parts.roundTrips(delivery.channel).putBack(delivery)
    this.#parts.wakeUps.returned(delivery.channel, delayMs)
    return true
  }

  async #send<Item extends Settling>(verb: SettlingVerb<Item>, item: Item): Promise<boolean> {
    const held = await this.#coalescer(verb, item.delivery).add(item)
    if (held !== undefined) return held
    throw new ConnectionError(
      `whether event ${item.delivery.id} was given back is not known: the answer was lost, and its lease has ended since`,
    )
  }

  /** What is lapsed goes by itself: the same event may have been claimed again here, and be on its way, too. */
  #coalescer<Item extends Settling>(
    verb: SettlingVerb<Item>,
    { channel, lease }: QueueDelivery,
  ): Coalescer<Item, Answer> {
    const key = `${verb.verb} ${lease.lapsed ? 'late' : 'held'} ${channel}`
    // A verb has one kind of items.
    let coalescer = this.#coalescers.get(key) as Coalescer<Item, Answer> | undefined
    if (coalescer === undefined) {
      const limit = () => portionOf(this.#context.database, verb, FLUSH_LIMIT)
      coalescer = new Coalescer<Item, Answer>(limit, (items) => this.#flush(verb, channel, items))
      this.#coalescers.set(key, coalescer)
    }
    return coalescer
  }

  /**
   * Is asked again while it may come through. What is not held then, although its lease still runs, was settled by the
   * attempt whose answer was lost: nobody else could have.
   */
  async #flush<Item extends Settling>(
    verb: SettlingVerb<Item>,
    channel: string,
    items: readonly Item[],
  ): Promise<readonly Answer[]> {
    const isHeld = () => items.some(({ delivery }) => !isOver(delivery.lease))
    let isOpen = false
    for (let attempt = 1; ; attempt++) {
      try {
        const held = await this.#context.database.run(verb(channel, items))
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
