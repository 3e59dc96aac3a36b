import { Coalescer } from '../../coalescer.js'
import { UnsupportedError } from '../../errors.js'
import type { EventId, NewEvent } from '../../event.js'
import type { BackendContext } from '../backend.js'
import { retryOnBreak } from '../retry.js'
import type { WakeUps } from '../wake-ups.js'
import { type PublishVerb, singleCall, store } from './store.js'

/** Most events in one flush, and how often one is tried over connections that break. */
const FLUSH_LIMIT = 1_000
const ATTEMPTS = 6

/** Stores what is published: calls that coincide together, each event once, whatever the connection does. */
export class Publisher {
  readonly #context: BackendContext
  readonly #wakeUps: WakeUps
  readonly #single: Coalescer<NewEvent, EventId>

  constructor(context: BackendContext, wakeUps: WakeUps) {
    this.#context = context
    this.#wakeUps = wakeUps
    this.#single = new Coalescer(FLUSH_LIMIT, (events) => this.#store(events))
  }

  /** Several events are one call, all or none; lone ones travel with whoever else publishes now. */
  async publish(events: readonly NewEvent[]): Promise<readonly EventId[]> {
    const [only] = events
    if (only !== undefined && events.length === 1) return [await this.#single.add(only)]
    return this.#store(events)
  }

  async publishIn(tx: unknown, events: readonly NewEvent[]): Promise<readonly EventId[]> {
    const { adapter, clock } = this.#context
    const ids = await adapter.join(tx, () => store('publish', events, clock, this.#wakeUps.topicsInTransaction(events)))
    this.#wakeUps.storedInTransaction()
    return ids
  }

  publishSync(events: readonly NewEvent[], tx: unknown): readonly EventId[] {
    const { adapter, clock } = this.#context
    if (adapter.sync === undefined) {
      throw new UnsupportedError('publishSync needs a database that answers at once (SQLite): await publish instead')
    }
    const ids = adapter.sync(() => store('publish', events, clock, []), tx)
    this.#wakeUps.stored(events)
    this.#wakeUps.storedInTransaction()
    return ids
  }

  idle(): Promise<void> {
    return this.#single.idle()
  }

  async #store(events: readonly NewEvent[]): Promise<readonly EventId[]> {
    const topics = this.#wakeUps.topicsNow(events)
    const ids = await this.#retry(events, (remaining, verb) => this.#storeOnce(remaining, topics, verb))
    this.#wakeUps.stored(events)
    return ids
  }

  async #storeOnce(
    events: readonly NewEvent[],
    topics: readonly string[],
    verb: PublishVerb,
  ): Promise<readonly EventId[]> {
    const { adapter, clock } = this.#context
    const only = singleCall(verb, events, clock, topics)
    if (only === undefined) return adapter.transaction(() => store(verb, events, clock, topics))
    const [answer] = await adapter.run(only.verb, only.parameters)
    if (answer?.now_ms !== undefined) clock.observe(Number(answer.now_ms))
    return events.map((event) => event.id)
  }

  /**
   * A connection that broke before the answer leaves it open whether the events were stored, and perhaps even consumed
   * since. So before another attempt the database is asked for their ids, in every stage of life.
   */
  async #retry(
    events: readonly NewEvent[],
    attempt: (remaining: readonly NewEvent[], verb: PublishVerb) => Promise<readonly EventId[]>,
  ): Promise<readonly EventId[]> {
    return retryOnBreak(ATTEMPTS, async (attempts) => {
      if (attempts === 1) return attempt(events, 'publish')
      const missing = await this.#findMissing(events)
      const ids = missing.length === 0 ? [] : await attempt(missing, 'publish_again')
      const live = new Map(missing.map((event, index) => [event.id, ids[index] ?? event.id]))
      return events.map((event) => live.get(event.id) ?? event.id)
    })
  }

  async #findMissing(events: readonly NewEvent[]): Promise<readonly NewEvent[]> {
    const rows = await this.#context.adapter.run('find', {
      ids: events.map((event) => event.id),
      keys: events.map(({ channel, priority, id }) => ({ channel, priority, id })),
    })
    const found = new Set(rows.map((row) => row.id))
    return events.filter((event) => !found.has(event.id))
  }
}
