import type { DatabaseClock } from '../../../common/clock.js'
import { type EventId, isDelayed, type NewEvent } from '../../../event.js'
import { chunk } from '../flow/chunk.js'
import { ask, type Question, type Work } from '../unit-of-work.js'
import { publish, type publishAgain, publishOne, publishOneAndNotify, schedule } from '../verbs/publish.js'
import { addressOf, type LiveKeys, NO_KEYS, takeOrFind } from './keys.js'

/** The verb for a first attempt, or for one after which some may be stored already. */
export type PublishVerb = typeof publish | typeof publishAgain

/** The single question that stores these events, where one does; answers with the database's time where it says it. */
export function singleQuestion(
  verb: PublishVerb,
  events: readonly NewEvent[],
  clock: DatabaseClock,
  topics: readonly string[],
): Question<number | undefined> | undefined {
  const now = clock.now()
  if (!events.every((event) => event.key === null && !isDelayed(event, now))) return undefined
  const [first, second] = events
  if (first !== undefined && second === undefined && verb === publish) return storeOne(first, topics[0])
  if (chunk(events).length !== 1) return undefined
  return verb(events, topics)
}

function storeOne(event: NewEvent, topic: string | undefined): Question<number | undefined> {
  return topic === undefined ? publishOne(event) : publishOneAndNotify(event, topic)
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
  const live = yield* takeOrFind(events, taken)
  const idOf = (event: NewEvent) => (event.key === null ? event.id : (live.get(addressOf(event)) ?? event.id))
  const fresh = events.filter((event) => idOf(event) === event.id)

  const ready = chunk(fresh.filter((event) => !isDelayed(event, clock.now())))
  for (const [index, part] of ready.entries()) {
    yield* ask(verb(part, index === 0 ? topics : []))
  }
  for (const part of chunk(fresh.filter((event) => isDelayed(event, clock.now())))) {
    yield* ask(schedule(part))
  }
  return events.map(idOf)
}
