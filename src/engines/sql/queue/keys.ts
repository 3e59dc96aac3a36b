import { ConnectionError, ContentionError } from '../../../common/errors.js'
import type { EventId, NewEvent } from '../../../event.js'
import type { SqlDatabase } from '../database.js'
import { chunk } from '../flow/chunk.js'
import { ask, type Work } from '../unit-of-work.js'
import { findKeys, probeKeys, type TakenKey, takeKeys } from '../verbs/publish.js'

/*
 * A dedupe key that is taken is read, never locked: a lock would last as long as the transaction of the caller's that
 * publishes, and the ack of the event that has the key would wait for it, with all acks behind it. Only a key that two
 * transactions take for the first time, both still open, makes one of them wait.
 *
 * Postgres inserts first, which locks nothing where the key is taken, and reads then; between the two the event may have been
 * acked, and so this is repeated until one of the two answers. MySQL and MariaDB lock what an insert finds taken, and under
 * REPEATABLE READ a transaction does not see that a key is free again. There the key is read before, by another connection,
 * which sees what is committed (`findKeys`), and asks for the others whether an open transaction has them (`probeKeys`,
 * which waits for no lock: it is asked again for a second; then the insert waits). SQLite has one writer, and locks no rows.
 */

/** How long another connection may take to answer while the caller's transaction waits, in milliseconds. */
const BESIDE_MS = 500
/**
 * How long a key that another open transaction takes is asked for without a lock, in milliseconds. After that the insert waits
 * for it, so that the server finds out when two wait for each other.
 */
const PROBE_MS = 1_000

/** The event that is live under each key, by `addressOf`. */
export type LiveKeys = ReadonlyMap<string, EventId>

export const NO_KEYS: LiveKeys = new Map()

/** How a key is called where channels have keys of their own; no name holds a NUL. */
export function addressOf({ channel, key }: Pick<NewEvent, 'channel' | 'key'>): string {
  return `${key}\0${channel}`
}

/**
 * Takes keys, or finds which event has them. Of several events with one key, the first counts.
 * @param known those that are found already
 */
export function* takeOrFind(events: readonly NewEvent[], known: LiveKeys): Work<LiveKeys> {
  const live = new Map(known)
  let wanted = missing(firstOfEach(events), live)
  while (wanted.length > 0) {
    note(live, yield* ask(takeKeys(wanted)))
    wanted = missing(wanted, live)
    if (wanted.length === 0) break
    note(live, yield* ask(findKeys(wanted)))
    wanted = missing(wanted, live)
  }
  return live
}

/** Which keys are taken already, where they have to be read before. */
export async function findTaken(database: SqlDatabase, events: readonly NewEvent[]): Promise<LiveKeys> {
  const wanted = firstOfEach(events)
  if (wanted.length === 0 || !database.has(probeKeys)) return NO_KEYS
  const live = new Map<string, EventId>()
  for (const part of chunk(wanted)) note(live, await database.run(findKeys(part)))
  const rest = missing(wanted, live)
  if (rest.length > 0) note(live, (await probeFor(PROBE_MS, database, rest)) ?? [])
  return live
}

/**
 * The same for a caller's transaction. Where no connection is free in time, which may have to wait for this very
 * transaction, nothing is known: then what is taken is locked after all.
 */
export async function findTakenBeside(
  database: SqlDatabase,
  tx: unknown,
  events: readonly NewEvent[],
): Promise<LiveKeys> {
  const wanted = firstOfEach(events)
  if (wanted.length === 0 || !database.has(probeKeys)) return NO_KEYS
  const live = new Map<string, EventId>()
  try {
    for (const part of chunk(wanted)) note(live, await database.run(findKeys(part), BESIDE_MS))
    note(live, await probeBeside(database, tx, missing(wanted, live)))
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
  }
  return live
}

/** What an open transaction has taken is waited for, unless it is the caller's own: no other connection sees that. */
async function probeBeside(
  database: SqlDatabase,
  tx: unknown,
  events: readonly NewEvent[],
): Promise<readonly TakenKey[]> {
  const found = await probeFor(BESIDE_MS, database, events)
  if (found !== undefined) return found
  const own = new Map<string, EventId>()
  note(own, await database.join(tx, () => ask(findKeys(events))))
  return (await probeFor(PROBE_MS, database, missing(events, own))) ?? []
}

/**
 * `undefined`: an open transaction still has one of them.
 * @param withinMs for each part: what is long only since there are many keys is not held up by anybody
 */
async function probeFor(
  withinMs: number,
  database: SqlDatabase,
  events: readonly NewEvent[],
): Promise<readonly TakenKey[] | undefined> {
  const taken: TakenKey[] = []
  try {
    for (const part of chunk(events)) {
      for (const key of await database.run(probeKeys(part), withinMs)) taken.push(key)
    }
    return taken
  } catch (error) {
    if (error instanceof ContentionError) return undefined
    throw error
  }
}

function firstOfEach(events: readonly NewEvent[]): readonly NewEvent[] {
  const first = new Map<string, NewEvent>()
  for (const event of events) {
    if (event.key !== null && !first.has(addressOf(event))) first.set(addressOf(event), event)
  }
  return [...first.values()]
}

function missing(events: readonly NewEvent[], live: LiveKeys): readonly NewEvent[] {
  return events.filter((event) => !live.has(addressOf(event)))
}

function note(live: Map<string, EventId>, taken: readonly TakenKey[]): void {
  for (const key of taken) live.set(addressOf(key), key.id)
}
