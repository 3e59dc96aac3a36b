import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import type { Positions } from '../flow/positions.js'
import { Purge } from '../flow/purge.js'
import { Retention } from '../flow/retention.js'
import { purgeLog } from '../verbs/read.js'

/** How long events stay at least, in milliseconds: subscribers need the time to read them. */
const LEAST_RETENTION_MS = 60_000

/**
 * Enforces the retention time on the log. Where nobody subscribes, somebody still has to give positions before what is old
 * can go.
 * @see sql/postgres/log/purge.sql
 */
export function enforceRetention(context: SqlContext, positions: Positions): Purge {
  const { database, options } = context
  const retention = new Retention(context, 'log', Math.max(options.retentionMs, LEAST_RETENTION_MS))
  /** Up to which position this round has looked, where the database looks at a part of the log at a time. */
  let after = 0
  // It looks as often as the application asked for, though the floor keeps events for longer.
  return new Purge(options.logger, options.retentionMs || LEAST_RETENTION_MS, async (most) => {
    await positions.giveAll()
    const { retentionMs, dropUnread } = await retention.agreed()
    const limit = portionOf(database, purgeLog, most)
    const purged = await database.run(purgeLog({ retentionMs, dropUnread, limit, after }))
    after = purged.after
    return purged.count
  })
}
