import { portionOf, type Row, type SqlDatabase } from '../database.js'
import type { Parameters } from '../statements.js'

/** Most rows that one call counts, where the database answers in the same tick. */
const MOST = 100_000

/** What a verb is asked about, as much of it at a time as one call should take. */
export function* portions<Item>(
  database: SqlDatabase,
  verb: string,
  items: readonly Item[],
): Generator<readonly Item[]> {
  for (let done = 0; done < items.length; ) {
    const part = items.slice(done, done + portionOf(database, verb, items.length))
    done += part.length
    yield part
  }
}

/** After which key each table that is counted goes on; empty where all of it has been counted. */
type Places = Readonly<Record<string, readonly (string | number)[]>>

/**
 * The rows of a verb that counts. Where the database answers in the same tick it counts a piece at a time, and an answer
 * says in `place` where its `stage` goes on; the rows of all pieces are to be summed. Elsewhere one answer is all.
 */
export async function countInPieces(
  database: SqlDatabase,
  verb: string,
  parameters: Parameters,
  from: Places,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  let places = from
  do {
    const limit = portionOf(database, verb, MOST)
    const found: readonly Row[] = await database.run(verb, { ...parameters, ...places, limit })
    for (const row of found) rows.push(row)
    places = Object.fromEntries(Object.keys(places).map((stage) => [stage, placeOf(found, stage)]))
  } while (Object.values(places).some(({ length }) => length > 0))
  return rows
}

function placeOf(rows: readonly Row[], stage: string): readonly (string | number)[] {
  const place = rows.find((row) => row.stage === stage)?.place
  return typeof place === 'string' ? (JSON.parse(place) as (string | number)[]) : []
}
