import { portionOf, type SqlDatabase } from '../database.js'
import type { NamedVerb, Question } from '../unit-of-work.js'
import type { Counted, Places } from '../verbs/operate.js'

/** Most rows that one call counts, where the database answers in the same tick. */
const MOST = 100_000

/** What a verb is asked about, as much of it at a time as one call should take. */
export function* portions<Item>(
  database: SqlDatabase,
  verb: NamedVerb,
  items: readonly Item[],
): Generator<readonly Item[]> {
  for (let done = 0; done < items.length; ) {
    const part = items.slice(done, done + portionOf(database, verb, items.length))
    done += part.length
    yield part
  }
}

type CountingVerb<Count> = NamedVerb &
  ((channel: string | null, places: Places, limit: number) => Question<Counted<Count>>)

/**
 * The counts of all pieces of what a verb counts, to be put together. Where the database answers in the same tick it counts a
 * piece at a time; elsewhere one answer is all.
 */
export async function countInPieces<Count>(
  database: SqlDatabase,
  verb: CountingVerb<Count>,
  channel: string | null,
  from: Places,
): Promise<readonly Count[]> {
  const counts: Count[] = []
  let places = from
  do {
    const piece = await database.run(verb(channel, places, portionOf(database, verb, MOST)))
    for (const count of piece.counts) counts.push(count)
    places = piece.places
  } while (Object.values(places).some(({ length }) => length > 0))
  return counts
}
