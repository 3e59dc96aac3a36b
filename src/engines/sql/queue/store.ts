import type { DatabaseClock } from '../../../common/clock.js'
import { type EventId, isDelayed, type NewEvent } from '../../../event.js'
import { call, type Work } from '../database.js'
import { chunk } from '../flow/chunk.js'
import { toLists } from '../flow/lists.js'
import type { Parameters } from '../statements.js'
import { addressOf, type LiveKeys, NO_KEYS, takeKeys } from './keys.js'

/** The statement for a first attempt, or for one after which some may be stored already. */
export type PublishVerb = 'publish' | 'publish_again'

/** The single call that stores these events, where one does. */
export function singleCall(
  verb: PublishVerb,
  events: readonly NewEvent[],
  clock: DatabaseClock,
  topics: readonly string[],
): { verb: string; parameters: Parameters } | undefined {
  const now = clock.now()
  if (!events.every((event) => event.key === null && !isDelayed(event, now))) return undefined
  const [first, second] = events
  if (first !== undefined && second === undefined && verb === 'publish') return loneCall(first, topics[0])
  if (chunk(events).length !== 1) return undefined
  return { verb, parameters: { ...toRows(events), topics } }
}

function loneCall(event: NewEvent, topic: string | undefined) {
  const parameters = Object.assign(toQueueRow(event), { topic: topic ?? null })
  return { verb: topic === undefined ? 'publish_one' : 'publish_one_notify', parameters }
}

/**
 * Stores events by the stage of life they start in; returns the id that is live for each, which for a dedupe key that
 * was taken is the older event's.
 */
export function* store(
  verb: PublishVerb,
  events: readonly NewEvent[],
  clock: DatabaseClock,
  topics: readonly string[],
  taken: LiveKeys = NO_KEYS,
): Work<readonly EventId[]> {
  const live = yield* takeKeys(events, taken)
  const idOf = (event: NewEvent) => (event.key === null ? event.id : (live.get(addressOf(event)) ?? event.id))
  const fresh = events.filter((event) => idOf(event) === event.id)

  const ready = chunk(fresh.filter((event) => !isDelayed(event, clock.now())))
  for (const [index, part] of ready.entries()) {
    yield* call(verb, { ...toRows(part), topics: index === 0 ? topics : [] })
  }
  for (const part of chunk(fresh.filter((event) => isDelayed(event, clock.now())))) {
    yield* call('schedule', { events: part.map(toScheduledRow) })
  }
  return events.map(idOf)
}

/** Events as each database takes them in best: an object for each, or a list for each column. */
function toRows(events: readonly NewEvent[]): Parameters {
  const [first] = events as readonly [NewEvent, ...NewEvent[]]
  return {
    events: () => events.map(toQueueRow),
    ...toLists(events),
    channel: first.channel,
    priority: first.priority,
    max_attempts: first.maxAttempts,
    details: () => (events.every((event) => isLike(first, event)) ? '[]' : JSON.stringify(events.map(toDetails))),
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
