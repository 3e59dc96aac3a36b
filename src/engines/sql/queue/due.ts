import type { SqlContext } from '../context.js'
import { portionOf, type SqlDatabase } from '../database.js'
import type { LongQuestion } from '../flow/long-poll.js'
import { portions } from '../flow/pieces.js'
import { type Findings, NOTHING } from '../flow/poller.js'
import { type Due, longPollQueue, nextDue, probeQueue, promote } from '../verbs/claim.js'

/** How soon to look again where all that is due is being moved by others, in milliseconds: they may roll back. */
const PASSED_MS = 100
/** Most scheduled events of one channel moved into a queue in one statement. */
const PROMOTE_LIMIT = 1_000

/**
 * Asks which channels have something to claim, and when there will be something next: a scheduled event, or the end of a
 * lease. Moves into the queue what is due.
 * @see sql/postgres/queue/next_due.sql
 */
export async function findDue(context: SqlContext, channels: readonly string[]): Promise<Findings> {
  const dues = await askDues(context, channels)
  const ripe = dues.filter(({ scheduledMs }) => scheduledMs <= 0)
  const promoted = ripe.length === 0 ? 0 : await promoteRipe(context.database, ripe)
  let nextMs = ripe.length > 0 && promoted === 0 ? PASSED_MS : Number.POSITIVE_INFINITY
  for (const { queueMs, scheduledMs } of dues) {
    if (queueMs > 0) nextMs = Math.min(nextMs, queueMs)
    if (scheduledMs > 0) nextMs = Math.min(nextMs, scheduledMs)
  }
  const ready = dues.filter(({ queueMs, scheduledMs }) => queueMs <= 0 || scheduledMs <= 0)
  return {
    ready: ready.map(({ channel }) => channel),
    nextMs,
    isNews: ready.length > 0,
    // What is due after these was hidden behind them.
    more: promoted > 0,
  }
}

async function askDues({ database, clock }: SqlContext, channels: readonly string[]): Promise<readonly Due[]> {
  const dues: Due[] = []
  for (const part of portions(database, nextDue, channels)) {
    for (const due of await database.run(nextDue(part))) {
      clock.observe(due.nowMs)
      dues.push(due)
    }
  }
  return dues
}

/** Where not all can be moved at once, those first that have been due for longest; returns how many were moved. */
async function promoteRipe(database: SqlDatabase, ripe: readonly Due[]): Promise<number> {
  const most = portionOf(database, promote, PROMOTE_LIMIT * ripe.length)
  const channels = ripe
    .toSorted((a, b) => a.scheduledMs - b.scheduledMs)
    .slice(0, most)
    .map(({ channel }) => channel)
  const limit = Math.min(PROMOTE_LIMIT, Math.ceil(most / channels.length))
  for (let rest = channels; rest.length > 0; ) {
    const { count, passed } = await database.run(promote(rest, limit))
    if (passed === undefined) return count
    rest = rest.filter((channel) => channel !== passed)
  }
  return 0
}

/**
 * Asks which channels have something to claim now, and no more than that.
 * @see sql/postgres/queue/probe.sql
 */
export async function probeReady(channels: readonly string[], ask: SqlDatabase['run']): Promise<Findings> {
  const ready = await ask(probeQueue(channels))
  return { ...NOTHING, ready, isNews: ready.length > 0 }
}

/** What waits until a probe would find something. */
export function pollReady(channels: readonly string[]): LongQuestion {
  return (naps) => longPollQueue(channels, naps)
}
