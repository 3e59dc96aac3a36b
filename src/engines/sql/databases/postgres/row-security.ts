import { ConfigurationError } from '../../../../common/errors.js'
import type { Logger } from '../../../../common/logger.js'
import type { Policed } from '../../verbs/schema.js'

/**
 * Says what policies hide from this login: rows that nobody is told of are events that are lost in silence.
 * @param tables those on which row level security holds
 * @throws {ConfigurationError} when there is a table of which it may see or write no row at all
 */
export function checkPolicies(tables: readonly Policed[], logger: Logger): void {
  const closed = tables.filter(({ closed }) => closed !== null)
  if (closed.length > 0) {
    const which = closed.map((table) => `${table.table} (${table.closed})`).join(', ')
    throw new ConfigurationError(
      `EventChannel.open: row level security hides every row from this login, as no policy is for it: ${which}; add policies, see "Row level security" in docs/adapters/postgres.md`,
    )
  }
  const partial = tables.filter(({ isPartial }) => isPartial)
  if (partial.length === 0) return
  logger.warn('row level security hides some rows from this login: their events are not delivered to it', {
    tables: partial.map(({ table }) => table),
  })
}
