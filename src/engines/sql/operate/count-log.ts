import type { ChannelStats, Group } from '../../../engine.js'
import type { SqlDatabase } from '../database.js'
import { countInPieces } from '../flow/pieces.js'
import { countLog as countVerb } from '../verbs/operate.js'

/**
 * How far each channel of a log reaches, and how many dead letters its groups have.
 * @param channel the one to count; all by default
 * @param groups those of the channels in question
 * @see sql/postgres/operate/count_log.sql
 */
export async function countLog(
  database: SqlDatabase,
  channel: string | undefined,
  groups: readonly Group[],
): Promise<readonly ChannelStats[]> {
  const from = { head: [''], dead_letter: [channel ?? '', '', ''] }
  const counts = new Map<string, { head: number | null; dead: number }>()
  for (const { channel: name, head, dead } of await countInPieces(database, countVerb, channel ?? null, from)) {
    // A piece may hold nothing but dead letters of a queue.
    if (head === null && dead === 0) continue
    const known = counts.get(name) ?? { head: null, dead: 0 }
    counts.set(name, { head: head ?? known.head, dead: known.dead + dead })
  }
  return [...counts]
    .map(([name, { head, dead }]) => ({
      channel: name,
      ready: 0,
      leased: 0,
      scheduled: 0,
      dead,
      oldestReadyMs: null,
      head,
      groups: groups
        .filter((group) => group.channel === name)
        .map(({ group, position, lag }) => ({ group, position, lag })),
    }))
    .sort((a, b) => (a.channel < b.channel ? -1 : 1))
}
