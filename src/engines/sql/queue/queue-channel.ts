import { Coalescer } from '../../../common/coalescer.js'
import { ConnectionError } from '../../../common/errors.js'
import { isOver } from '../../../common/lease.js'
import { retry } from '../../../common/retry.js'
import type { EventId } from '../../../event.js'
import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import { isWorthAnother, pauseMs } from '../flow/retry.js'
import type { Sleeper } from '../flow/sleeper.js'
import type { NamedVerb, Question } from '../unit-of-work.js'
import type { QueueDelivery } from './delivery.js'
import type { Leases } from './leases.js'
import { RoundTrips } from './round-trips.js'

/** Most deliveries in one statement. */
const FLUSH_LIMIT = 1_000

/** What ends deliveries of one channel otherwise than by an ack; answers with the ids whose lease was held. */
export type SettlingVerb<Item> = NamedVerb &
  ((channel: string, items: readonly Item[]) => Question<ReadonlySet<EventId>>)

/** What such a verb takes. */
export interface SettlingItem {
  readonly delivery: QueueDelivery
}

/** Whether the lease was held; `undefined` when the database cannot say. */
type Answer = boolean | undefined

interface QueueChannelParts {
  /** What claims, to be told when it is worth it. */
  readonly sleeper: Sleeper
  readonly leases: Leases
  /** Aborts when trying again has to end. */
  readonly closing: AbortSignal
}

/**
 * One channel of a queue, as this object uses it: everything that its consumers ask of the database goes through here. Claims and
 * acks are its round trips; what ends a delivery otherwise is gathered by verb, while a statement of that verb is under way.
 */
export class QueueChannel {
  readonly name: string
  readonly roundTrips: RoundTrips
  readonly #context: SqlContext
  readonly #closing: AbortSignal
  /** By verb: a flush is one statement, all or none. */
  readonly #coalescers = new Map<string, Pick<Coalescer<unknown, Answer>, 'idle'>>()

  constructor(context: SqlContext, name: string, parts: QueueChannelParts) {
    this.name = name
    this.#context = context
    this.#closing = parts.closing
    this.roundTrips = new RoundTrips(context, name, parts)
  }

  /**
   * Ends a delivery, along with others.
   * @returns whether its lease was held
   * @throws {ConnectionError} when nothing tells
   */
  async settle<Item extends SettlingItem>(verb: SettlingVerb<Item>, item: Item): Promise<boolean> {
    const held = await this.#coalescer(verb, item.delivery).add(item)
    if (held !== undefined) return held
    throw new ConnectionError(
      `whether event ${item.delivery.id} was given back is not known: the answer was lost, and its lease has ended since`,
    )
  }

  /** Resolves when nothing gathers or is under way. */
  async idle(): Promise<void> {
    await Promise.all([...this.#coalescers.values()].map((coalescer) => coalescer.idle()))
    await this.roundTrips.idle()
  }

  /** What is lapsed goes by itself: the same event may have been claimed again here, and be on its way, too. */
  #coalescer<Item extends SettlingItem>(verb: SettlingVerb<Item>, { lease }: QueueDelivery): Coalescer<Item, Answer> {
    const key = `${verb.verb} ${lease.lapsed ? 'late' : 'held'}`
    // A verb has one kind of items.
    let coalescer = this.#coalescers.get(key) as Coalescer<Item, Answer> | undefined
    if (coalescer === undefined) {
      const limit = () => portionOf(this.#context.database, verb, FLUSH_LIMIT)
      coalescer = new Coalescer<Item, Answer>(limit, (items) => this.#flush(verb, items))
      this.#coalescers.set(key, coalescer)
    }
    return coalescer
  }

  /**
   * Is asked again while it may come through. What is not held then, although its lease still runs, was settled by the
   * attempt whose answer was lost: no other consumer could have.
   */
  async #flush<Item extends SettlingItem>(
    verb: SettlingVerb<Item>,
    items: readonly Item[],
  ): Promise<readonly Answer[]> {
    const isHeld = () => items.some(({ delivery }) => !isOver(delivery.lease))
    let isOpen = false
    const isWorthIt = (error: unknown, attempt: number) => {
      isOpen ||= error instanceof ConnectionError
      return !this.#closing.aborted && isWorthAnother(error, attempt, isHeld())
    }
    return retry({ isWorthAnother: isWorthIt, pauseMs, signal: this.#closing }, async () => {
      const held = await this.#context.database.run(verb(this.name, items))
      return items.map(({ delivery: { id, lease } }) => {
        if (lease.lost || held.has(id) || !isOpen) return !lease.lost && held.has(id)
        return isOver(lease) ? undefined : true
      })
    })
  }
}
