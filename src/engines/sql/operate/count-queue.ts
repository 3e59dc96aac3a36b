import { largest } from '../../../common/numbers.js'
import type { ChannelStats } from '../../../engine.js'
import type { Row, SqlDatabase } from '../database.js'
import { countInPieces } from '../flow/pieces.js'

/** No priority and no time comes before it. */
const LEAST = Number.MIN_SAFE_INTEGER

/**
 * Counts the events of a queue by stage of life, for each channel that has any.
 * @param channel the one to count; all by default
 * @see sql/postgres/statements/stats.sql
 */
export async function countQueue(database: SqlDatabase, channel: string | undefined): Promise<readonly ChannelStats[]> {
  const first = channel ?? ''
  const rows = await countInPieces(
    database,
    'stats',
    { channel: channel ?? null },
    { queue: [first, LEAST, ''], scheduled: [first, LEAST, ''], dead_letter: [first, '', ''] },
  )
  const stats = new Map<string, ChannelStats>()
  for (const row of rows) {
    const name = String(row.channel)
    stats.set(name, add(stats.get(name), name, row))
  }
  return [...stats.values()].sort((a, b) => (a.channel < b.channel ? -1 : 1))
}

function add(known: ChannelStats | undefined, channel: string, row: Row): ChannelStats {
  const oldest = [known?.oldestReadyMs ?? null, row.oldest_ready_ms ?? null].filter((ms) => ms !== null).map(Number)
  return {
    channel,
    ready: (known?.ready ?? 0) + Number(row.ready),
    leased: (known?.leased ?? 0) + Number(row.leased),
    scheduled: (known?.scheduled ?? 0) + Number(row.scheduled),
    dead: (known?.dead ?? 0) + Number(row.dead),
    oldestReadyMs: oldest.length === 0 ? null : largest(oldest),
    head: null,
    groups: [],
  }
}
