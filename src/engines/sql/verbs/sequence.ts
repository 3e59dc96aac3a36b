import type { Row } from '../unit-of-work.js'
import { type Entry, readEntries } from './entry.js'
import { defineVerb, isFound, isTrue } from './verb.js'

/* What gives positions to the events of a log, and says how far it reaches. */

/** What one pass of the sequencer gave positions to: of these channels everything after `from`, up to `to`. */
export interface Batch {
  readonly from: number
  readonly to: number
  readonly entries: ReadonlyMap<string, readonly Entry[]>
}

/** How a log stands after a pass of the sequencer. */
export interface Sequenced {
  /** By channel the last position; 0 where it has none. */
  readonly heads: ReadonlyMap<string, number>
  /** The last position of the whole log. */
  readonly until: number
  /** Whether there are events without a position. */
  readonly isWaiting: boolean
  /** The last position before the pass; `undefined` where another sequencer was at it. */
  readonly before: number | undefined
  /** The last id that the pass met; `undefined` where it does not say. */
  readonly reached: string | undefined
  /** By the database's clock, in epoch milliseconds. */
  readonly nowMs: number
  /** What got its position, where the database shows it. */
  readonly batch: Batch | undefined
}

interface Sequence {
  readonly channels: readonly string[]
  /** Most events that get their position. */
  readonly limit: number
  /** The first id to look at. */
  readonly fromId: string
  /** Most bytes of events that come back along with their positions. */
  readonly mostBytes: number
  /** What an event of the log has as `maxAttempts`. */
  readonly maxAttempts: number
}

/** Gives positions to events that have been committed; `undefined` where the log has no head. */
export const sequence = defineVerb(
  'log/sequence',
  ({ channels, limit, fromId, mostBytes }: Sequence) => ({
    // One more than there are, so that there is a row.
    channels: ['', ...channels],
    limit,
    from_id: fromId,
    most_bytes: mostBytes,
  }),
  readSequenced,
)

function readSequenced(rows: readonly Row[], { channels, maxAttempts }: Sequence): Sequenced | undefined {
  const states = rows.filter((row) => 'log_position' in row && row.log_position !== null)
  const [state] = states
  if (state === undefined) return undefined
  const before = rows.map(({ last_position }) => last_position).find((position) => position !== undefined)
  const shown = (channel: string) => rows.filter((row) => row.log_position === null && row.channel === channel)
  const isShown = state.shown_to !== undefined && state.shown_to !== null
  return {
    heads: new Map(states.slice(1).map(({ channel, position }) => [String(channel), Number(position ?? 0)])),
    until: Number(state.log_position),
    isWaiting: isTrue(state.waiting),
    before: before === undefined ? undefined : Number(before),
    reached: rows.map(({ reached }) => reached).findLast((id) => typeof id === 'string'),
    nowMs: Number(state.now_ms),
    batch: isShown
      ? {
          from: Number(state.shown_from),
          to: Number(state.shown_to),
          entries: new Map(
            channels.map((channel) => [channel, readEntries(shown(channel), channel, maxAttempts)] as const),
          ),
        }
      : undefined,
  }
}

/** Whether events wait for their positions, from this id on, and the last position of the log. */
export const probeLog = defineVerb(
  'log/probe',
  (fromId: string) => ({ from_id: fromId }),
  ([row]) => ({ isWaiting: isTrue(row?.waiting), position: Number(row?.log_position) }),
)

/** Waits at the server until a probe would find something, looking after each nap, in seconds; answers whether it did. */
export const longPollLog = defineVerb(
  'log/long_poll',
  (fromId: string, position: number, naps: readonly number[]) => ({ from_id: fromId, log_position: position, naps }),
  isFound,
)

/** The last position that was given before a time, in epoch milliseconds; 0 for none. */
export const findPosition = defineVerb(
  'log/find_position',
  (beforeMs: number) => ({ before_ms: beforeMs }),
  ([row]) => Number(row?.position ?? 0),
)

/** Derives the last position anew where it is lost; answers with it, `undefined` where there was nothing to do. */
export const restoreHead = defineVerb(
  'log/restore_head',
  () => ({}),
  ([row]) => (row === undefined ? undefined : Number(row.position)),
)
