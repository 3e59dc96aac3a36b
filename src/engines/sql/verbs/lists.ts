import type { NewEvent } from '../../../event.js'
import type { Parameters } from '../statements.js'

/*
 * Many events in one row or one parameter, a list for each column: on Postgres both ends take it in a fraction of the time
 * of an object or a row for each.
 */

/** Ids and payloads to store, as JSON lists. */
export function toLists(events: readonly NewEvent[]): Parameters {
  return {
    ids: () => `["${events.map(({ id }) => id).join('","')}"]`,
    payloads: () => `[${events.map(({ payload }) => payload).join(',')}]`,
  }
}

/** A column of a row of many events. */
export function readList(column: unknown): readonly string[] {
  return String(column).split(',')
}

/** What only some events have, by id. */
export function readRare(column: unknown): Readonly<Record<string, unknown>> | undefined {
  return column === null ? undefined : JSON.parse(String(column))
}
