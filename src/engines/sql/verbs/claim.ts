import type { EventId, QueueKey } from '../../../event.js'
import type { Row } from '../unit-of-work.js'
import { type ClaimedEvent, readClaimed } from './claimed.js'
import { defineVerb, isFound, readChannels } from './verb.js'

/* What looks for ready events of a queue, and leases them. */

/** How statements that settle name a leased event. */
export interface Leased extends QueueKey {
  readonly key: string | null
  readonly lease: { readonly token: string }
}

/** A part of a channel in claim order: from a key to the end of a priority, both included. */
export interface KeyRange {
  readonly fromPriority: number
  readonly fromId: string
  readonly toPriority: number
}

/** What a claim asks for, and leaves its mark with. */
export interface Claim {
  readonly channel: string
  readonly token: string
  readonly leaseMs: number
  /** Most events; 0 for none. */
  readonly limit: number
}

/** Leases the first ready events of a channel. */
export const claim = defineVerb(
  'queue/claim',
  ({ channel, token, leaseMs, limit }: Claim) => ({ channel, lease_token: token, lease_ms: leaseMs, limit }),
  (rows) => new ClaimAnswer(rows),
)

interface AckAndClaim extends Claim {
  readonly acked: readonly Leased[]
  /** Whether what is acked is kept in history. */
  readonly keepHistory: boolean
  readonly consumer: string
  /** The parts of the channel to claim from; none means the whole channel. */
  readonly ranges: readonly KeyRange[]
}

/** Acks events of one channel whose lease is still held, and leases the first ready ones of it. */
export const ackAndClaim = defineVerb(
  'queue/ack_and_claim',
  ({ channel, token, leaseMs, limit, acked, keepHistory, consumer, ranges }: AckAndClaim) => ({
    channel,
    settled: acked.map(toAddress),
    acks: () => groupByLease(acked),
    keyed: acked.filter(({ key }) => key !== null).map(({ id }) => id),
    keep_history: keepHistory,
    consumer,
    lease_token: token,
    lease_ms: leaseMs,
    limit,
    whole: ranges.length === 0,
    ranges: ranges.map(({ fromPriority, fromId, toPriority }) => ({
      from_priority: fromPriority,
      from_id: fromId,
      to_priority: toPriority,
      most: limit,
    })),
  }),
  (rows) => new ClaimAnswer(rows),
)

/** Reads what it is asked for and when it is asked: the next claim is under way meanwhile. */
export class ClaimAnswer {
  readonly #rows: readonly Row[]

  constructor(rows: readonly Row[]) {
    this.#rows = rows
  }

  /**
   * Whose lease was held, of those that were to be acked: named one to a row, or the others are in the first row, parted by
   * commas.
   */
  readHeld(): (id: EventId) => boolean {
    const [first] = this.#rows
    if (first !== undefined && 'lost' in first) {
      const lost = new Set(String(first.lost ?? '').split(','))
      return (id) => !lost.has(id)
    }
    const acked = new Set(this.#rows.flatMap(({ outcome, id }) => (outcome === 'claimed' ? [] : [id])))
    return (id) => acked.has(id)
  }

  /** In no order. */
  readClaimed(): readonly ClaimedEvent[] {
    return readClaimed(this.#rows)
  }
}

/** When one channel has something, in milliseconds from now; infinity when it has nothing. */
export interface Due {
  readonly channel: string
  readonly queueMs: number
  readonly scheduledMs: number
  /** The database's time, in epoch milliseconds. */
  readonly nowMs: number
}

/** When these channels have something to claim next, and a scheduled event to be moved into the queue. */
export const nextDue = defineVerb(
  'queue/next_due',
  (channels: readonly string[]) => ({ channels }),
  (rows): readonly Due[] =>
    rows.map((row) => ({
      channel: String(row.channel),
      queueMs: toMs(row.queue_due_ms),
      scheduledMs: toMs(row.scheduled_due_ms),
      nowMs: Number(row.now_ms),
    })),
)

/** What was moved. */
export interface Promoted {
  readonly count: number
  /** The one channel that the call was about, if others are moving all that is due there: the rest is for another call. */
  readonly passed: string | undefined
}

/** Moves scheduled events that are due into the queue, at most `limit` of each channel, but for those that others are moving. */
export const promote = defineVerb(
  'queue/promote',
  (channels: readonly string[], limit: number) => ({ channels, limit }),
  (rows): Promoted => {
    const picked = rows.find(({ ripe_channel }) => ripe_channel !== undefined)
    const count = rows.length - (picked === undefined ? 0 : 1)
    return { count, passed: picked !== undefined && count === 0 ? String(picked.ripe_channel) : undefined }
  },
)

/** Which of these channels have something to claim. */
export const probeQueue = defineVerb('queue/probe', (channels: readonly string[]) => ({ channels }), readChannels)

/** Waits at the server until a probe would find something, looking after each nap, in seconds; answers whether it did. */
export const longPollQueue = defineVerb(
  'queue/long_poll',
  (channels: readonly string[], naps: readonly number[]) => ({ channels, naps }),
  isFound,
)

export function toAddress({ priority, id, lease }: Leased) {
  return { priority, id, lease_token: lease.token }
}

/** Acks by the lease that holds them, mostly one for each claim. */
function groupByLease(acked: readonly Leased[]) {
  const groups = new Map<string, { priority: number; lease_token: string; ids: EventId[] }>()
  for (const { priority, id, lease } of acked) {
    const address = `${lease.token} ${priority}`
    const group = groups.get(address)
    if (group === undefined) groups.set(address, { priority, lease_token: lease.token, ids: [id] })
    else group.ids.push(id)
  }
  return [...groups.values()]
}

/** Nothing to wait for is infinitely far away. */
function toMs(due: unknown): number {
  return due === null ? Number.POSITIVE_INFINITY : Number(due)
}
