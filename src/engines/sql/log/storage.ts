import { groupBy } from '../../../common/group-by.js'
import type { EventId, NewEvent } from '../../../event.js'
import type { SqlContext } from '../context.js'
import { call, type Work } from '../database.js'
import { chunk } from '../flow/chunk.js'
import type { Storage } from '../flow/durable-publisher.js'
import { toLists } from '../flow/lists.js'
import { ScanThrottle } from '../flow/scan-throttle.js'
import type { Parameters } from '../statements.js'
import type { LogHead } from './log-head.js'

/**
 * From this number of events in one commit on, they get their positions on the way in where the database can do that: it saves
 * moving each of them, and takes the row of the log's head, which all processes share.
 */
const MANY = 16
/** What that may take besides the events, in milliseconds: a commit on a slow disk. */
const AT_ONCE_MS = 20

/** The log, where published events are appended. */
export class LogStorage implements Storage {
  readonly #context: SqlContext
  readonly #head: LogHead
  /** It looks whether somebody waits already. */
  readonly #atOnce = new ScanThrottle(AT_ONCE_MS)

  constructor(context: SqlContext, head: LogHead) {
    this.#context = context
    this.#head = head
  }

  /** The transaction may stay open: its events wait for their positions, rather than everybody for the transaction. */
  join(events: readonly NewEvent[], topics: readonly string[]): Work<readonly EventId[]> {
    return appendAll(events, topics)
  }

  async store(events: readonly NewEvent[], topics: readonly string[], attempt: number): Promise<readonly EventId[]> {
    const { database, clock } = this.#context
    if (attempt > 1) return this.#storeAgain(events, topics)
    if (chunk(events).length > 1) return database.transaction(() => appendAll(events, topics))
    const at_once = events.length >= MANY && this.#atOnce.restMs === 0
    const startedMs = performance.now()
    const append = () => database.run('append', { ...toRows(events), topics, at_once })
    const [answer] = await (at_once ? this.#head.giving(append) : append())
    if (at_once) this.#atOnce.note(performance.now() - startedMs, events.length)
    if (answer?.now_ms !== undefined) clock.observe(Number(answer.now_ms))
    return events.map(({ id }) => id)
  }

  /**
   * An attempt whose answer was lost may have stored the events, and notified the topics. It is looked for in the log while
   * others give positions; only then they wait, and what got its position meanwhile is looked at.
   */
  async #storeAgain(events: readonly NewEvent[], topics: readonly string[]): Promise<readonly EventId[]> {
    const { database } = this.#context
    const missing: Missing[] = []
    for (const [channel, own] of groupBy(events, (event) => event.channel)) {
      const rows = await database.run('find_appended', { channel, ids: own.map(({ id }) => id) })
      const stored = new Set(rows.map(({ id }) => id))
      const left = own.filter(({ id }) => !stored.has(id))
      if (left.length > 0) missing.push({ events: left, after: Number(rows[0]?.last_position) })
    }
    if (missing.length > 0) await database.transaction(() => appendAgain(missing, topics))
    return events.map(({ id }) => id)
  }
}

/** Events of one channel that were not stored when a position was the last. */
interface Missing {
  readonly events: readonly NewEvent[]
  readonly after: number
}

function* appendAll(events: readonly NewEvent[], topics: readonly string[]): Work<readonly EventId[]> {
  for (const [index, part] of chunk(events).entries()) {
    yield* call('append', { ...toRows(part), topics: firstOnly(index, topics), at_once: false })
  }
  return events.map(({ id }) => id)
}

function* appendAgain(missing: readonly Missing[], topics: readonly string[]): Work<void> {
  const parts = missing.flatMap(({ events, after }) => chunk(events).map((part) => ({ part, after })))
  for (const [index, { part, after }] of parts.entries()) {
    yield* call('append_again', { ...toRows(part), after, topics: firstOnly(index, topics) })
  }
}

/** As a function: that nobody is to be woken does not mean that there is nothing to do. */
function firstOnly(index: number, topics: readonly string[]): () => readonly string[] {
  return () => (index === 0 ? topics : [])
}

/** Events as each database takes them in best: an object for each, or a list for each column. */
function toRows(events: readonly NewEvent[]): Parameters {
  const [first] = events as readonly [NewEvent, ...NewEvent[]]
  const isPlain = ({ channel, metadata }: NewEvent) => channel === first.channel && metadata === null
  return {
    events: () => events.map(({ id, channel, payload, metadata }) => ({ id, channel, payload, metadata })),
    ...toLists(events),
    channel: first.channel,
    details: () => (events.every(isPlain) ? [] : events.map(({ channel, metadata }) => ({ channel, metadata }))),
  }
}
