import { largest } from '../../../common/numbers.js'
import type { ChannelStats } from '../../../engine.js'
import type { SqlDatabase } from '../database.js'
import { countInPieces } from '../flow/pieces.js'
import { countQueue as countVerb, type QueueCount } from '../verbs/operate.js'

/** No priority and no time comes before it. */
const LEAST = Number.MIN_SAFE_INTEGER

/**
 * Counts the events of a queue by stage of life, for each channel that has any.
 * @param channel the one to count; all by default
 * @see sql/postgres/operate/count_queue.sql
 */
export async function countQueue(database: SqlDatabase, channel: string | undefined): Promise<readonly ChannelStats[]> {
  const first = channel ?? ''
  const from = { queue: [first, LEAST, ''], scheduled: [first, LEAST, ''], dead_letter: [first, '', ''] }
  const stats = new Map<string, ChannelStats>()
  for (const count of await countInPieces(database, countVerb, channel ?? null, from)) {
    // A piece may hold nothing but dead letters of groups.
    if (count.ready + count.leased + count.scheduled + count.dead === 0) continue
    stats.set(count.channel, add(stats.get(count.channel), count))
  }
  return [...stats.values()].sort((a, b) => (a.channel < b.channel ? -1 : 1))
}

function add(known: ChannelStats | undefined, count: QueueCount): ChannelStats {
  const oldest = [known?.oldestReadyMs ?? null, count.oldestReadyMs].filter((ms) => ms !== null)
  return {
    channel: count.channel,
    ready: (known?.ready ?? 0) + count.ready,
    leased: (known?.leased ?? 0) + count.leased,
    scheduled: (known?.scheduled ?? 0) + count.scheduled,
    dead: (known?.dead ?? 0) + count.dead,
    oldestReadyMs: oldest.length === 0 ? null : largest(oldest),
    head: null,
    groups: [],
  }
}
