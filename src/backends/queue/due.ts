import type { BackendContext } from '../backend.js'
import type { Findings } from '../poller.js'

/** Most scheduled events moved into a queue in one statement. */
const PROMOTE_LIMIT = 1_000

/**
 * Asks which channels have something to claim, and when there will be something next: a scheduled event, or the end of a
 * lease. Moves into the queue what is due.
 * @see sql/postgres/statements/next_due.sql
 */
export async function findDue({ adapter, clock }: BackendContext, channels: readonly string[]): Promise<Findings> {
  const rows = await adapter.run('next_due', { channels })
  const dues = rows.map((row) => {
    clock.observe(Number(row.now_ms))
    return { channel: String(row.channel), queue: toMs(row.queue_due_ms), scheduled: toMs(row.scheduled_due_ms) }
  })
  const ripe = dues.filter(({ scheduled }) => scheduled <= 0).map(({ channel }) => channel)
  const promoted = ripe.length === 0 ? [] : await adapter.run('promote', { channels: ripe, limit: PROMOTE_LIMIT })
  return {
    ready: dues.filter(({ queue, scheduled }) => queue <= 0 || scheduled <= 0).map(({ channel }) => channel),
    nextMs: Math.min(...dues.flatMap(({ queue, scheduled }) => [queue, scheduled]).filter((dueMs) => dueMs > 0)),
    // What is due after these was hidden behind them.
    more: promoted.length > 0,
  }
}

/** Nothing to wait for is infinitely far away. */
function toMs(due: unknown): number {
  return due === null ? Number.POSITIVE_INFINITY : Number(due)
}
