import type { EventId, NewEvent } from '../../../event.js'
import type { Parameters } from '../statements.js'
import type { Row } from '../unit-of-work.js'
import { toLists } from './lists.js'
import { defineVerb, nothing, readIds, readNow } from './verb.js'

/* What stores events in a queue. */

/** Stores one event that is due now, without a key; answers with nothing. */
export const publishOne = defineVerb('queue/publish_one', toQueueRow, readNow)

/** The same, and notifies a topic; answers with the database's time where it says it. */
export const publishOneAndNotify = defineVerb(
  'queue/publish_one_notify',
  (event: NewEvent, topic: string) => ({ ...toQueueRow(event), topic }),
  readNow,
)

/** Stores events that are due now, whose keys are theirs, and notifies topics; answers with the database's time where it says it. */
export const publish = defineVerb('queue/publish', toRows, readNow)

/** The same after an attempt whose answer was lost: what is there already stays as it is. */
export const publishAgain = defineVerb('queue/publish_again', toRows, readNow)

/** Stores events that are due later. */
export const schedule = defineVerb(
  'queue/schedule',
  (events: readonly NewEvent[]) => ({ events: events.map(toScheduledRow) }),
  nothing,
)

/** Which of these events are there, in any stage of life. */
export const find = defineVerb(
  'queue/find',
  (events: readonly Pick<NewEvent, 'channel' | 'priority' | 'id'>[]) => ({
    ids: events.map(({ id }) => id),
    keys: events.map(({ channel, priority, id }) => ({ channel, priority, id })),
  }),
  readIds,
)

/** The event that is live under a dedupe key. */
export interface TakenKey {
  readonly channel: string
  readonly key: string
  readonly id: EventId
}

/** Takes the keys of events that nobody has; answers with those that are taken now, as far as it can tell. */
export const takeKeys = defineVerb(
  'queue/take_keys',
  (events: readonly NewEvent[]) => ({ events: events.map(toKeyRow) }),
  readKeys,
)

/** Which of the keys are taken. */
export const findKeys = defineVerb('queue/find_keys', toKeys, readKeys)

/** The same, also by a transaction that is still open: then it fails. */
export const probeKeys = defineVerb('queue/probe_keys', toKeys, readKeys)

/** Events as each database takes them in best: an object for each, or a list for each column. */
function toRows(events: readonly NewEvent[], topics: readonly string[]): Parameters {
  const [first] = events as readonly [NewEvent, ...NewEvent[]]
  return {
    events: () => events.map(toQueueRow),
    ...toLists(events),
    channel: first.channel,
    priority: first.priority,
    max_attempts: first.maxAttempts,
    details: () => (events.every((event) => isLike(first, event)) ? '[]' : JSON.stringify(events.map(toDetails))),
    topics,
  }
}

function isLike(first: NewEvent, { channel, priority, maxAttempts, metadata, key }: NewEvent): boolean {
  const isPlain = metadata === null && key === null
  return isPlain && channel === first.channel && priority === first.priority && maxAttempts === first.maxAttempts
}

function toDetails({ channel, priority, metadata, key, maxAttempts }: NewEvent) {
  return { channel, priority, metadata, dedupe_key: key, max_attempts: maxAttempts }
}

function toQueueRow({ channel, priority, id, payload, metadata, key, maxAttempts }: NewEvent) {
  return { channel, priority, id, payload, metadata, dedupe_key: key, max_attempts: maxAttempts }
}

function toScheduledRow(event: NewEvent) {
  const { delayMs = null, availableAtMs = null } = event.delay ?? {}
  return { ...toQueueRow(event), delay_ms: delayMs, available_at_ms: availableAtMs }
}

function toKeys(events: readonly NewEvent[]): Parameters {
  return { keys: events.map(toKeyRow) }
}

function toKeyRow({ channel, key, id }: NewEvent) {
  return { channel, dedupe_key: key, id }
}

function readKeys(rows: readonly Row[]): readonly TakenKey[] {
  return rows.map((row) => ({ channel: String(row.channel), key: String(row.dedupe_key), id: String(row.id) }))
}
