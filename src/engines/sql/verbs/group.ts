import { smallest } from '../../../common/numbers.js'
import type { Row } from '../unit-of-work.js'
import { type LeaseFound, toLeaseFound } from './lease-found.js'
import { defineVerb, nothing, readChannels } from './verb.js'

/* The checkpoints of a group of a log, and the lease of its active member. */

/** Who leads which group. */
export interface Leader {
  readonly group: string
  readonly token: string
}

/** Makes the checkpoints of a group that are not there. */
export const enroll = defineVerb(
  'log/enroll',
  (channels: readonly string[], group: string, position: number) => ({ channels, consumer_group: group, position }),
  nothing,
)

/** A checkpoint that was leased. */
export interface LeasedCheckpoint {
  readonly channel: string
  readonly position: number
  /** How many members have died at the event that comes next. */
  readonly attempts: number
}

/** Leases those checkpoints of a group that no other member has. */
export const leaseGroup = defineVerb(
  'log/lease_group',
  (channels: readonly string[], { group, token }: Leader, leaseMs: number, consumer: string) => ({
    channels,
    consumer_group: group,
    lease_token: token,
    lease_ms: leaseMs,
    consumer,
  }),
  (rows) => ({
    checkpoints: rows.map(
      (row): LeasedCheckpoint => ({
        channel: String(row.channel),
        position: Number(row.position),
        attempts: Number(row.attempts),
      }),
    ),
    expiresAtMs: readExpiry(rows),
  }),
)

/** Per channel the last position that is settled, with everything before it. */
export interface Mark {
  readonly channel: string
  readonly position: number
}

/** Writes marks and extends the lease, where it is held. */
export const writeCheckpoint = defineVerb(
  'log/checkpoint',
  (marks: readonly Mark[], leader: Leader, leaseMs: number) => ({ ...toMarks(marks, leader), lease_ms: leaseMs }),
  (rows) => ({ channels: new Set(readChannels(rows)), expiresAtMs: readExpiry(rows) }),
)

/** The channels whose mark is stored, by this member. */
export const findCheckpoints = defineVerb(
  'log/find_checkpoint',
  toMarks,
  (rows): ReadonlySet<string> => new Set(readChannels(rows)),
)

/** Extends the lease where it is held, but for checkpoints that another transaction has locked. */
export const extendGroup = defineVerb(
  'log/extend_group',
  (channels: readonly string[], leader: Leader, leaseMs: number) => ({
    ...toChannels(channels, leader),
    lease_ms: leaseMs,
  }),
  nothing,
)

/** Until when the lease is held, for each channel where it is. */
export const findGroupLeases = defineVerb('log/find_group_lease', toChannels, (rows): readonly LeaseFound[] =>
  rows.map(toLeaseFound),
)

/** Gives up the lease, and notifies topics. */
export const stepDown = defineVerb(
  'log/step_down',
  (channels: readonly string[], leader: Leader, topics: readonly string[]) => ({
    ...toChannels(channels, leader),
    topics,
  }),
  nothing,
)

interface DeadEntry {
  readonly channel: string
  readonly position: number
  readonly attempts: number
  readonly maxAttempts: number
  readonly error: string
}

/** Copies an event to the dead letters of a group; answers whether its lease was held. */
export const deadLetterEntry = defineVerb(
  'log/dead_letter',
  ({ channel, position, attempts, maxAttempts, error }: DeadEntry, { group, token }: Leader) => ({
    channel,
    position,
    attempts,
    max_attempts: maxAttempts,
    error,
    consumer_group: group,
    lease_token: token,
  }),
  (rows) => rows.length > 0,
)

function toMarks(marks: readonly Mark[], { group, token }: Leader) {
  return {
    checkpoints: marks.map(({ channel, position }) => ({ channel, position })),
    consumer_group: group,
    lease_token: token,
  }
}

function toChannels(channels: readonly string[], { group, token }: Leader) {
  return { channels, consumer_group: group, lease_token: token }
}

/** The first end of them, by the database's clock, in epoch milliseconds. */
function readExpiry(rows: readonly Row[]): number {
  return smallest(rows.map((row) => Number(row.lease_expires_at_ms)))
}
