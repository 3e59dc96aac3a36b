import type { EventId, NewEvent } from '../../../event.js'
import type { Parameters } from '../statements.js'
import { toLists } from './lists.js'
import { defineVerb, nothing, readNow } from './verb.js'

/* What appends events to a log. */

/**
 * Appends events, and notifies topics; answers with the database's time where it says it.
 * @param atOnce whether they may get their positions on the way in, where the database can do that
 */
export const append = defineVerb(
  'log/append',
  (events: readonly NewEvent[], topics: readonly string[], atOnce: boolean) => ({
    ...toRows(events),
    topics,
    at_once: atOnce,
  }),
  readNow,
)

/**
 * Appends events of one channel after an attempt whose answer was lost: what is there already stays as it is.
 * @param after the last position when they were not there
 */
export const appendAgain = defineVerb(
  'log/append_again',
  (events: readonly NewEvent[], topics: readonly string[], after: number) => ({ ...toRows(events), topics, after }),
  nothing,
)

/** Which of these events of one channel are stored, and the last position then. */
export const findAppended = defineVerb(
  'log/find_appended',
  (channel: string, ids: readonly EventId[]) => ({ channel, ids }),
  (rows) => ({ stored: new Set(rows.map(({ id }) => id)), lastPosition: Number(rows[0]?.last_position) }),
)

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
