import type { Row } from '../unit-of-work.js'
import { readEntries } from './entry.js'
import { defineVerb } from './verb.js'

/* What reads a log, and deletes from it. */

interface Place {
  readonly channel: string
  /** Whose events to read besides everybody's; empty for none. */
  readonly group: string
  readonly after: number
  readonly until: number
}

/**
 * Events of one channel between two positions, in their order.
 * @param maxAttempts what an event of the log has as such
 */
export const readLog = defineVerb(
  'log/read',
  ({ channel, group, after, until }: Place, limit: number, _maxAttempts: number) => ({
    channel,
    consumer_group: group,
    after,
    until,
    limit,
  }),
  (rows, { channel }, _, maxAttempts) => readEntries(rows, channel, maxAttempts),
)

/** By channel the last position that retention has deleted. */
export const findPurged = defineVerb(
  'log/find_purged',
  (channels: readonly string[]) => ({ channels }),
  (rows): ReadonlyMap<string, number> => new Map(rows.map((row) => [String(row.channel), Number(row.position)])),
)

interface Purge {
  readonly retentionMs: number
  /** Whether events go that a group has not read. */
  readonly dropUnread: boolean
  readonly limit: number
  /** Where the last part ended, if the database looks at a part of the log at a time; 0 for the first. */
  readonly after: number
}

/** What one call deleted, or looked at. */
export interface Purged {
  /** How many events it dealt with; 0 when there are no more. */
  readonly count: number
  /** Where the next part begins. */
  readonly after: number
}

/** Deletes from a log what is older than the retention time. */
export const purgeLog = defineVerb(
  'log/purge',
  ({ retentionMs, dropUnread, limit, after }: Purge) => ({
    retention_ms: retentionMs,
    drop_unread: dropUnread,
    limit,
    after,
  }),
  (rows, { limit }) => readPurged(rows, limit),
)

function readPurged(rows: readonly Row[], limit: number): Purged {
  const looked = rows.filter((row) => 'looked' in row)
  if (looked.length === 0) return { count: rows.length, after: 0 }
  const isOver = looked.length < limit || looked.some((row) => Number(row.is_old) === 0)
  return isOver ? { count: 0, after: 0 } : { count: looked.length, after: Number(looked.at(-1)?.looked) }
}
