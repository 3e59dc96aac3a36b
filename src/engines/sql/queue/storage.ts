import type { EventId, NewEvent } from '../../../event.js'
import type { SqlContext } from '../context.js'
import type { Storage } from '../flow/durable-publisher.js'
import { portions } from '../flow/pieces.js'
import type { Work } from '../unit-of-work.js'
import { find, publish, publishAgain } from '../verbs/publish.js'
import { findTaken, findTakenBeside, type LiveKeys } from './keys.js'
import { type PublishVerb, singleQuestion, store } from './store.js'

/** The tables of a queue, where published events go. */
export class QueueStorage implements Storage {
  readonly #context: SqlContext

  constructor(context: SqlContext) {
    this.#context = context
  }

  join(events: readonly NewEvent[], topics: readonly string[], taken?: LiveKeys): Work<readonly EventId[]> {
    return store(publish, events, this.#context.clock, topics, taken)
  }

  findTaken(tx: unknown, events: readonly NewEvent[]): Promise<LiveKeys> | undefined {
    const isKeyed = events.some(({ key }) => key !== null)
    return isKeyed ? findTakenBeside(this.#context.database, tx, events) : undefined
  }

  /**
   * A connection that broke before the answer leaves it open whether the events were stored, and perhaps even consumed
   * since. So before another attempt the database is asked for their ids, in every stage of life.
   */
  store(events: readonly NewEvent[], topics: readonly string[], attempt: number): Promise<readonly EventId[]> {
    return attempt === 1 ? this.#storeOnce(events, topics, publish) : this.#storeMissing(events, topics)
  }

  async #storeMissing(events: readonly NewEvent[], topics: readonly string[]): Promise<readonly EventId[]> {
    const missing = await this.#findMissing(events)
    const ids = missing.length === 0 ? [] : await this.#storeOnce(missing, topics, publishAgain)
    const live = new Map(missing.map((event, index) => [event.id, ids[index] ?? event.id]))
    return events.map((event) => live.get(event.id) ?? event.id)
  }

  async #storeOnce(
    events: readonly NewEvent[],
    topics: readonly string[],
    verb: PublishVerb,
  ): Promise<readonly EventId[]> {
    const { database, clock } = this.#context
    const only = singleQuestion(verb, events, clock, topics)
    if (only === undefined) {
      const taken = await findTaken(database, events)
      return database.transaction(() => store(verb, events, clock, topics, taken))
    }
    const nowMs = await database.run(only)
    if (nowMs !== undefined) clock.observe(nowMs)
    return events.map((event) => event.id)
  }

  async #findMissing(events: readonly NewEvent[]): Promise<readonly NewEvent[]> {
    const { database } = this.#context
    const found = new Set<EventId>()
    for (const part of portions(database, find, events)) {
      for (const id of await database.run(find(part))) found.add(id)
    }
    return events.filter((event) => !found.has(event.id))
  }
}
