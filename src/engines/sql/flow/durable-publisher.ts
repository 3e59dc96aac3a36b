import { NotificationsFullError, UnsupportedError } from '../../../common/errors.js'
import { Outage } from '../../../common/outage.js'
import type { EventId, NewEvent } from '../../../event.js'
import type { SqlContext } from '../context.js'
import type { Work } from '../unit-of-work.js'
import { retryOnBreak } from './retry.js'
import type { WakeUps } from './wake-ups.js'

/** How often events are stored over connections that break. */
const ATTEMPTS = 6

/** Where a backend's events go. Ids in input order. */
export interface Storage {
  /**
   * Stores them as part of a unit of work that is not repeated.
   * @param taken what `findTaken` has found
   */
  join(
    events: readonly NewEvent[],
    topics: readonly string[],
    taken?: ReadonlyMap<string, EventId>,
  ): Work<readonly EventId[]>
  /** What has to be known before they are stored in a caller's transaction. Absent: nothing. */
  findTaken?(tx: unknown, events: readonly NewEvent[]): Promise<ReadonlyMap<string, EventId>> | undefined
  /**
   * Stores them by themselves, all or none.
   * @param attempt from the second on, one whose answer was lost may have stored them
   */
  store(events: readonly NewEvent[], topics: readonly string[], attempt: number): Promise<readonly EventId[]>
}

/** Stores what is published, each event once, whatever the connection does, and wakes its consumers. */
export class Publisher {
  readonly #context: SqlContext
  readonly #wakeUps: WakeUps
  readonly #storage: Storage
  readonly #fullness: Outage

  constructor(context: SqlContext, wakeUps: WakeUps, storage: Storage) {
    this.#context = context
    this.#wakeUps = wakeUps
    this.#storage = storage
    this.#fullness = new Outage(context.options.logger, 'waking consumers along with what is published')
  }

  async publish(events: readonly NewEvent[]): Promise<readonly EventId[]> {
    const topics = this.#wakeUps.topicsNow(events)
    try {
      return await this.#store(events, topics)
    } catch (error) {
      this.#wakeUps.notNotified(topics)
      throw error
    }
  }

  async publishIn(tx: unknown, events: readonly NewEvent[]): Promise<readonly EventId[]> {
    const taken = await this.#storage.findTaken?.(tx, events)
    const work = () => this.#storage.join(events, this.#wakeUps.topicsInTransaction(events), taken)
    const ids = await this.#context.database.join(tx, work)
    this.#wakeUps.storedInTransaction()
    return ids
  }

  publishSync(events: readonly NewEvent[], tx: unknown): readonly EventId[] {
    const { database } = this.#context
    if (database.sync === undefined) {
      throw new UnsupportedError('publishSync needs a database that answers at once (SQLite): await publish instead')
    }
    const ids = database.sync(() => this.#storage.join(events, []), tx)
    this.#wakeUps.stored(events)
    this.#wakeUps.storedInTransaction()
    return ids
  }

  async #store(events: readonly NewEvent[], topics: readonly string[]): Promise<readonly EventId[]> {
    let notified = topics
    const ids = await retryOnBreak(ATTEMPTS, async (attempt) => {
      try {
        return await this.#storage.store(events, notified, attempt)
      } catch (error) {
        if (!(error instanceof NotificationsFullError) || notified.length === 0) throw error
        // A wake-up is a hint: where the server has no room for one, the events are stored all the same.
        this.#fullness.begin(error)
        notified = []
        return this.#storage.store(events, notified, attempt)
      }
    })
    if (notified.length > 0) this.#fullness.end()
    this.#wakeUps.stored(events, notified)
    return ids
  }
}
