import { ConfigurationError } from '../../../../common/errors.js'
import { type MysqlConnection, toPromises } from './driver.js'
import type { Preparing } from './preparing.js'
import { Session } from './session.js'
import { meet } from './settings.js'

/**
 * The publish option `tx`. Asks the server whether it is in a transaction, since the driver does not know.
 * @throws {ConfigurationError} when it is no `mysql2` connection, in no transaction (an event of several statements could be
 *   stored by half), or set to what would change our statements
 */
export async function joinTransaction(tx: unknown, preparing: Preparing): Promise<Session> {
  const candidate = typeof tx === 'object' && tx !== null ? toPromises(tx as Partial<MysqlConnection>) : undefined
  const isPool = candidate !== undefined && 'getConnection' in candidate
  if (typeof candidate?.execute !== 'function' || typeof candidate.query !== 'function' || isPool) {
    throw new ConfigurationError(
      `publish: tx is ${isPool ? 'a pool, which has no transaction' : 'not a mysql2 connection'}: pass the connection that began one`,
    )
  }
  const session = new Session(candidate as MysqlConnection, preparing)
  await session.look()
  if (!session.isInTransaction && session.commitsByItself) {
    throw new ConfigurationError('publish: the connection that tx names is in no transaction: begin one first')
  }
  await meet(session)
  return session
}
