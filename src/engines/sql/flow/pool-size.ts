import { ConfigurationError } from '../../../common/errors.js'
import type { SqlDatabase } from '../database.js'

/**
 * Refuses a pool with fewer connections than a backend needs to make progress.
 * @param reason what each of them is for
 * @throws {ConfigurationError}
 */
export function checkPoolSize({ poolSize }: SqlDatabase, needed: number, reason: string): void {
  if (poolSize === undefined || poolSize >= needed) return
  throw new ConfigurationError(
    `EventChannel.open: the pool has ${poolSize} connection, at least ${needed} are needed (${reason}): raise its limit`,
  )
}
