import type { SqlContext } from '../context.js'
import { portionOf, type SqlDatabase } from '../database.js'
import type { Question } from '../flow/long-poll.js'
import { portions } from '../flow/pieces.js'
import { type Findings, NOTHING } from '../flow/poller.js'

/** Most scheduled events of one channel moved into a queue in one statement. */
const PROMOTE_LIMIT = 1_000

/** When one channel has something, in milliseconds from now; infinity when it has nothing. */
interface Due {
  readonly channel: string
  readonly queue: number
  readonly scheduled: number
}

/**
 * Asks which channels have something to claim, and when there will be something next: a scheduled event, or the end of a
 * lease. Moves into the queue what is due.
 * @see sql/postgres/statements/next_due.sql
 */
export async function findDue(context: SqlContext, channels: readonly string[]): Promise<Findings> {
  const dues = await askDues(context, channels)
  const ripe = dues.filter(({ scheduled }) => scheduled <= 0)
  const promoted = ripe.length === 0 ? 0 : await promote(context.database, ripe)
  let nextMs = Number.POSITIVE_INFINITY
  for (const { queue, scheduled } of dues) {
    if (queue > 0) nextMs = Math.min(nextMs, queue)
    if (scheduled > 0) nextMs = Math.min(nextMs, scheduled)
  }
  return {
    ready: dues.filter(({ queue, scheduled }) => queue <= 0 || scheduled <= 0).map(({ channel }) => channel),
    nextMs,
    isNews: dues.some(({ queue, scheduled }) => queue <= 0 || scheduled <= 0),
    // What is due after these was hidden behind them.
    more: promoted > 0,
  }
}

async function askDues({ database, clock }: SqlContext, channels: readonly string[]): Promise<readonly Due[]> {
  const dues: Due[] = []
  for (const part of portions(database, 'next_due', channels)) {
    for (const row of await database.run('next_due', { channels: part })) {
      clock.observe(Number(row.now_ms))
      dues.push({ channel: String(row.channel), queue: toMs(row.queue_due_ms), scheduled: toMs(row.scheduled_due_ms) })
    }
  }
  return dues
}

/** Where not all can be moved at once, those first that have been due for longest; returns how many were moved. */
async function promote(database: SqlDatabase, ripe: readonly Due[]): Promise<number> {
  const most = portionOf(database, 'promote', PROMOTE_LIMIT * ripe.length)
  const channels = ripe
    .toSorted((a, b) => a.scheduled - b.scheduled)
    .slice(0, most)
    .map(({ channel }) => channel)
  const limit = Math.min(PROMOTE_LIMIT, Math.ceil(most / channels.length))
  return (await database.run('promote', { channels, limit })).length
}

/**
 * Asks which channels have something to claim now, and no more than that.
 * @see sql/postgres/statements/probe_queue.sql
 */
export async function probeReady(channels: readonly string[], ask: SqlDatabase['run']): Promise<Findings> {
  const rows = await ask('probe_queue', { channels })
  return { ...NOTHING, ready: rows.map((row) => String(row.channel)), isNews: rows.length > 0 }
}

/** What waits until a probe would find something. */
export function pollReady(channels: readonly string[]): Question {
  return { verb: 'long_poll_queue', parameters: { channels } }
}

/** Nothing to wait for is infinitely far away. */
function toMs(due: unknown): number {
  return due === null ? Number.POSITIVE_INFINITY : Number(due)
}
