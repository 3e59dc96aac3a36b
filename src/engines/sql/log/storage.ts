import { groupBy } from '../../../common/group-by.js'
import type { EventId, NewEvent } from '../../../event.js'
import type { SqlContext } from '../context.js'
import { chunk } from '../flow/chunk.js'
import type { Storage } from '../flow/durable-publisher.js'
import type { LogHead } from '../flow/log-head.js'
import { ScanThrottle } from '../flow/scan-throttle.js'
import { ask, type Work } from '../unit-of-work.js'
import { append, appendAgain, findAppended } from '../verbs/append.js'

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
    const atOnce = events.length >= MANY && this.#atOnce.restMs === 0
    const startedMs = performance.now()
    const store = () => database.run(append(events, topics, atOnce))
    const nowMs = await (atOnce ? this.#head.giving(store) : store())
    if (atOnce) this.#atOnce.note(performance.now() - startedMs, events.length)
    if (nowMs !== undefined) clock.observe(nowMs)
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
      const ids = own.map(({ id }) => id)
      const { stored, lastPosition } = await database.run(findAppended(channel, ids))
      const left = own.filter(({ id }) => !stored.has(id))
      if (left.length > 0) missing.push({ events: left, after: lastPosition })
    }
    if (missing.length > 0) await database.transaction(() => appendMissing(missing, topics))
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
    yield* ask(append(part, firstOnly(index, topics), false))
  }
  return events.map(({ id }) => id)
}

function* appendMissing(missing: readonly Missing[], topics: readonly string[]): Work<void> {
  const parts = missing.flatMap(({ events, after }) => chunk(events).map((part) => ({ part, after })))
  for (const [index, { part, after }] of parts.entries()) {
    yield* ask(appendAgain(part, firstOnly(index, topics), after))
  }
}

function firstOnly(index: number, topics: readonly string[]): readonly string[] {
  return index === 0 ? topics : []
}
