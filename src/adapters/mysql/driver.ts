import { ConfigurationError } from '../../errors.js'
import { translate } from './errors.js'

/** What we use of a `mysql2/promise` connection. */
export interface MysqlConnection {
  execute(options: QueryOptions): Promise<readonly unknown[]>
  query(options: QueryOptions): Promise<readonly unknown[]>
}

export interface PooledConnection extends MysqlConnection {
  release(): void
  destroy(): void
}

/** What we use of a `mysql2/promise` pool. */
export interface MysqlPool extends MysqlConnection {
  getConnection(): Promise<PooledConnection>
  /** The pool with callbacks that it wraps. */
  readonly pool?: { readonly config?: { readonly connectionLimit?: number } }
}

interface QueryOptions {
  readonly sql: string
  readonly values?: unknown[]
  readonly rowsAsArray?: boolean
  readonly nestTables?: boolean
}

/** Bits of the status that comes with every answer. @see https://dev.mysql.com/doc/dev/mysql-server/latest/ SERVER_STATUS_flags_enum */
const IN_TRANSACTION = 1
const AUTOCOMMIT = 2

/** A pool or connection of `mysql2` itself, with callbacks, brings its promise twin along. */
export function toPromises<Handle extends object>(handle: Handle): Handle {
  return 'promise' in handle && typeof handle.promise === 'function' ? handle.promise() : handle
}

/**
 * The publish option `tx`. Asks the server whether it is in a transaction, since the driver does not know.
 * @throws {ConfigurationError} when it is no `mysql2` connection, or in no transaction: outside of one, an event of
 *   several statements could be stored by half
 */
export async function checkTransaction(tx: unknown): Promise<MysqlConnection> {
  const candidate = typeof tx === 'object' && tx !== null ? toPromises(tx as Partial<MysqlConnection>) : undefined
  const isPool = candidate !== undefined && 'getConnection' in candidate
  if (typeof candidate?.execute !== 'function' || typeof candidate.query !== 'function' || isPool) {
    throw new ConfigurationError(
      `publish: tx is ${isPool ? 'a pool, which has no transaction' : 'not a mysql2 connection'}: pass the connection that began one`,
    )
  }
  const connection = candidate as MysqlConnection
  if (await isOutside(connection)) {
    throw new ConfigurationError('publish: the connection that tx names is in no transaction: begin one first')
  }
  return connection
}

async function isOutside(connection: MysqlConnection): Promise<boolean> {
  try {
    const [answer] = await connection.query({ sql: 'do 0' })
    const status = (answer as { serverStatus?: number }).serverStatus ?? IN_TRANSACTION
    return (status & IN_TRANSACTION) === 0 && (status & AUTOCOMMIT) !== 0
  } catch (error) {
    throw translate(error)
  }
}
