import { call, type Work } from '../../adapters/adapter.js'
import { Coalescer } from '../../coalescer.js'
import { UnsupportedError } from '../../errors.js'
import type { EventId, NewEvent } from '../../event.js'
import type { BackendContext } from '../backend.js'
import { chunk } from '../chunk.js'
import { retryOnBreak } from '../retry.js'
import type { WakeUps } from '../wake-ups.js'

/** Most events in one flush, and how often one is tried over connections that break. */
const FLUSH_LIMIT = 1_000
const ATTEMPTS = 6

/** Appends what is published: calls that coincide together, each event once, whatever the connection does. */
export class LogPublisher {
  readonly #context: BackendContext
  readonly #wakeUps: WakeUps
  readonly #single: Coalescer<NewEvent, EventId>

  constructor(context: BackendContext, wakeUps: WakeUps) {
    this.#context = context
    this.#wakeUps = wakeUps
    this.#single = new Coalescer(FLUSH_LIMIT, (events) => this.#append(events))
  }

  /** Several events are one call, all or none; lone ones travel with whoever else publishes now. */
  async publish(events: readonly NewEvent[]): Promise<readonly EventId[]> {
    const [only] = events
    if (only !== undefined && events.length === 1) return [await this.#single.add(only)]
    return this.#append(events)
  }

  async publishIn(tx: unknown, events: readonly NewEvent[]): Promise<readonly EventId[]> {
    await this.#context.adapter.join(tx, () => append(events, this.#wakeUps.topicsInTransaction(events), false))
    this.#wakeUps.storedInTransaction()
    return events.map(({ id }) => id)
  }

  publishSync(events: readonly NewEvent[], tx: unknown): readonly EventId[] {
    const { adapter } = this.#context
    if (adapter.sync === undefined) {
      throw new UnsupportedError('publishSync needs a database that answers at once (SQLite): await publish instead')
    }
    adapter.sync(() => append(events, [], false), tx)
    this.#wakeUps.stored(events)
    this.#wakeUps.storedInTransaction()
    return events.map(({ id }) => id)
  }

  idle(): Promise<void> {
    return this.#single.idle()
  }

  /** An attempt whose answer was lost may have stored the events; the next one says so, and whoever numbers them looks. */
  async #append(events: readonly NewEvent[]): Promise<readonly EventId[]> {
    const topics = this.#wakeUps.topicsNow(events)
    await retryOnBreak(ATTEMPTS, (attempt) => this.#appendOnce(events, topics, attempt > 1))
    this.#wakeUps.stored(events)
    return events.map(({ id }) => id)
  }

  async #appendOnce(events: readonly NewEvent[], topics: readonly string[], retried: boolean): Promise<void> {
    const { adapter, clock } = this.#context
    if (chunk(events).length > 1) return adapter.transaction(() => append(events, topics, retried))
    const [answer] = await adapter.run('append', { events: events.map((event) => toLogRow(event, retried)), topics })
    if (answer?.now_ms !== undefined) clock.observe(Number(answer.now_ms))
  }
}

function* append(events: readonly NewEvent[], topics: readonly string[], retried: boolean): Work<void> {
  for (const [index, part] of chunk(events).entries()) {
    yield* call('append', {
      events: part.map((event) => toLogRow(event, retried)),
      topics: index === 0 ? topics : [],
    })
  }
}

function toLogRow({ id, channel, payload, metadata }: NewEvent, retried: boolean) {
  return { id, channel, payload, metadata, retried }
}
