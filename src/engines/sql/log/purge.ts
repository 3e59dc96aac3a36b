import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import { Purge } from '../flow/purge.js'
import { Retention } from '../flow/retention.js'
import type { Sequencer } from './sequencer.js'

/** How long events stay where the channel keeps none, in milliseconds: subscribers need the time to read them. */
const LEAST_RETENTION_MS = 60_000

/**
 * Enforces the retention time on the log. Where nobody subscribes, somebody still has to give positions before what is old
 * can go.
 * @see sql/postgres/statements/purge_log.sql
 */
export function purgeLog(context: SqlContext, sequencer: Sequencer): Purge {
  const { database, options } = context
  const retention = new Retention(context, 'log', options.retentionMs || LEAST_RETENTION_MS)
  /** Up to which position this round has looked, where the database looks at a part of the log at a time. */
  let after = 0
  return new Purge(options.logger, retention.askedMs, async (most) => {
    await sequencer.settle()
    const { retentionMs, dropUnread } = await retention.agreed()
    const limit = portionOf(database, 'purge_log', most)
    const parameters = { retention_ms: retentionMs, drop_unread: dropUnread, limit, after }
    const rows = await database.run('purge_log', parameters)
    const looked = rows.filter((row) => 'looked' in row)
    if (looked.length === 0) return rows.filter((row) => 'position' in row).length
    const isOver = looked.length < limit || looked.some((row) => Number(row.is_old) === 0)
    after = isOver ? 0 : Number(looked.at(-1)?.looked)
    return isOver ? 0 : looked.length
  })
}
