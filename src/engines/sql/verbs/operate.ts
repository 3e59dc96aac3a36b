import type { DeadLetter, Group } from '../../../engine.js'
import type { EventId, Metadata } from '../../../event.js'
import type { Row } from '../unit-of-work.js'
import { countRows, defineVerb, readChannels, textOrNull } from './verb.js'

/* What people ask of queues and logs, and do to them. */

/** After which key each table that is counted goes on; empty where all of it has been counted. */
export type Places = Readonly<Record<string, readonly (string | number)[]>>

/** A piece of what is counted: the counts of all pieces are to be put together. */
export interface Counted<Count> {
  readonly counts: readonly Count[]
  /** Where each table goes on. Where the database counts all at once, it has come to its end. */
  readonly places: Places
}

/** What one piece of a queue has of one channel. */
export interface QueueCount {
  readonly channel: string
  readonly ready: number
  readonly leased: number
  readonly scheduled: number
  readonly dead: number
  /** `null` where none is ready. */
  readonly oldestReadyMs: number | null
}

/**
 * Counts the events of a queue by stage of life, for each channel that has any.
 * @param channel `null` for all
 * @param limit most rows of each table in one piece
 */
export const countQueue = defineVerb(
  'operate/count_queue',
  (channel: string | null, places: Places, limit: number) => ({ channel, ...places, limit }),
  (rows, _, places): Counted<QueueCount> => ({
    counts: rows.map((row) => ({
      channel: String(row.channel),
      ready: Number(row.ready),
      leased: Number(row.leased),
      scheduled: Number(row.scheduled),
      dead: Number(row.dead),
      oldestReadyMs: numberOrNull(row.oldest_ready_ms),
    })),
    places: readPlaces(rows, places),
  }),
)

/** What one piece of a log has of one channel. */
export interface LogCount {
  readonly channel: string
  /** The last position; `null` where this piece does not say. */
  readonly head: number | null
  readonly dead: number
}

/** How far each channel of a log reaches, and how many dead letters its groups have. */
export const countLog = defineVerb(
  'operate/count_log',
  (channel: string | null, places: Places, limit: number) => ({ channel, ...places, limit }),
  (rows, _, places): Counted<LogCount> => ({
    counts: rows.map((row) => ({
      channel: String(row.channel),
      head: numberOrNull(row.head),
      dead: Number(row.dead),
    })),
    places: readPlaces(rows, places),
  }),
)

function readPlaces(rows: readonly Row[], places: Places): Places {
  return Object.fromEntries(Object.keys(places).map((stage) => [stage, readPlace(rows, stage)]))
}

function readPlace(rows: readonly Row[], stage: string): readonly (string | number)[] {
  const place = rows.find((row) => row.stage === stage)?.place
  return typeof place === 'string' ? (JSON.parse(place) as (string | number)[]) : []
}

interface LetterPage {
  /** Whether those of groups of a log are meant, or a queue's. */
  readonly ofGroups: boolean
  /** `null` for all. */
  readonly channel: string | null
  /** `null` for all. */
  readonly id: EventId | null
  /** `null` for the first page. */
  readonly after: EventId | null
  readonly limit: number
}

/** A page of dead letters, in the order of their ids and groups. */
export const listDeadLetters = defineVerb(
  'operate/list_dead_letters',
  ({ ofGroups, ...page }: LetterPage) => ({ ...page, of_groups: ofGroups }),
  (rows) => rows.map(readDeadLetter),
)

/** Puts dead letters of a queue back into it, and notifies topics; answers with how many. */
export const retryDeadLetters = defineVerb('operate/retry_dead_letters', toIds, countRows)

/** Puts dead letters of groups back into their log, for them alone, and notifies topics; answers with how many. */
export const retryGroupDeadLetters = defineVerb('operate/retry_group_dead_letters', toIds, countRows)

interface Discard {
  readonly reason: string
  readonly keepHistory: boolean
  readonly ofGroups: boolean
}

/** Deletes dead letters; answers with how many. */
export const discardDeadLetters = defineVerb(
  'operate/discard_dead_letters',
  (ids: readonly EventId[], { reason, keepHistory, ofGroups }: Discard) => ({
    ids,
    reason,
    keep_history: keepHistory,
    of_groups: ofGroups,
  }),
  countRows,
)

/** A group as it is listed: its lag is `null` where `countLag` has to count it. */
export type ListedGroup = Omit<Group, 'lag'> & { readonly lag: number | null }

/** Groups, how far they have read each channel, and who reads. `null` for all channels, for all groups. */
export const listGroups = defineVerb(
  'operate/list_groups',
  (channel: string | null, group: string | null) => ({ channel, consumer_group: group }),
  (rows): readonly ListedGroup[] =>
    rows.map((row) => ({
      group: String(row.consumer_group),
      channel: String(row.channel),
      position: Number(row.position),
      lag: numberOrNull(row.lag),
      consumer: textOrNull(row.consumer),
    })),
)

/** Counts a piece of what a group has before it on one channel, after a position. */
export const countLag = defineVerb(
  'operate/count_lag',
  (channel: string, group: string, after: number, limit: number) => ({ channel, consumer_group: group, after, limit }),
  ([row]) => ({ counted: Number(row?.counted), lag: Number(row?.lag), position: Number(row?.position) }),
)

/** Moves the checkpoints of a group that no member reads for; answers with their channels. `null` for all channels. */
export const seekGroup = defineVerb(
  'operate/seek_group',
  (channel: string | null, group: string, position: number) => ({ channel, consumer_group: group, position }),
  readChannels,
)

/** Deletes the checkpoints of a group that no member reads for; answers with their channels. `null` for all channels. */
export const deleteGroup = defineVerb(
  'operate/delete_group',
  (channel: string | null, group: string) => ({ channel, consumer_group: group }),
  readChannels,
)

function toIds(ids: readonly EventId[], topics: readonly string[]) {
  return { ids, topics }
}

function readDeadLetter(row: Row): DeadLetter {
  return {
    id: String(row.id),
    channel: String(row.channel),
    group: row.consumer_group === '' ? null : String(row.consumer_group),
    payload: parseOrText(String(row.payload)),
    metadata: row.metadata === null ? {} : (parseOrText(String(row.metadata)) as Metadata),
    priority: Number(row.priority),
    attempts: Number(row.attempts),
    maxAttempts: Number(row.max_attempts),
    key: textOrNull(row.dedupe_key),
    error: String(row.error),
    createdAt: new Date(Number(row.created_at_ms)),
    diedAt: new Date(Number(row.died_at_ms)),
  }
}

/** A row that somebody else wrote need not hold JSON; a person who looks at dead letters wants to see it all the same. */
function parseOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}
