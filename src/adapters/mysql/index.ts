import { ConfigurationError } from '../../errors.js'
import { printMigrations } from '../../migrations.js'
import type { PrintOptions } from '../../options.js'
import { resolvePrintOptions } from '../../resolve.js'
import { detach } from '../../wait.js'
import type { AdapterSource, ConnectOptions } from '../adapter.js'
import { answerInTime, fromUrl } from '../opening.js'
import { MysqlAdapter, type MysqlResources, STANDSTILL_S } from './adapter.js'
import { mysqlDialect } from './dialect.js'
import { type MysqlConnection, type MysqlPool, toPromises } from './driver.js'
import { Sockets } from './sockets.js'

export type { PrintOptions } from '../../options.js'
export type { AdapterSource } from '../adapter.js'
export type { MysqlConnection, MysqlPool } from './driver.js'

/**
 * MySQL or MariaDB through a pool of your own (`mysql2` or `mysql2/promise`), which stays yours to end.
 * @throws {ConfigurationError} when `pool` is not a pool
 */
export function mysql(options: { readonly pool: object }): AdapterSource {
  const given = options?.pool
  const pool = typeof given === 'object' && given !== null ? (toPromises(given) as MysqlPool) : undefined
  if (typeof pool?.getConnection !== 'function') {
    throw new ConfigurationError('mysql: pool is not a mysql2 pool: pass { pool: mysql.createPool(…) }')
  }
  return { adapter: 'mysql', connect: (connectOptions) => connect({ pool, own: undefined }, connectOptions) }
}

/** MySQL or MariaDB by URL, through a pool of our own. */
export function mysqlUrl(url: string): AdapterSource {
  return {
    adapter: 'mysql',
    async connect(options) {
      const { createPool } = await importDriver()
      const sockets = new Sockets()
      const config = {
        uri: url.replace(/^mariadb:/i, 'mysql:'),
        charset: 'utf8mb4',
        connectTimeout: 5_000,
        stream: sockets.connect,
        connectAttributes: { program_name: options.serviceName },
      }
      if (fromUrl('the URL', () => new URL(config.uri)).pathname.length <= 1) {
        throw new ConfigurationError('EventChannel.open: the URL names no database: write mysql://…/name')
      }
      const pool = fromUrl('the URL', () => createPool(config))
      pool.on('connection', (connection) => {
        const session = toPromises<MysqlConnection>(connection)
        detach(session.query({ sql: 'set session transaction isolation level read committed' }))
        // MySQL does not know this one; the adapter asks.
        detach(session.query({ sql: `set session idle_transaction_timeout = ${STANDSTILL_S}` }))
      })
      const own = { end: () => pool.end(), destroy: () => sockets.destroy() }
      return connect({ pool: toPromises(pool) as unknown as MysqlPool, own }, options)
    },
  }
}

/**
 * The SQL of the migrations, for a person to read and run instead of rowcast. It may be run again: what is there stays.
 * @param options those that the channel is opened with, of which `tablePrefix` matters; `from` prints what upgrades tables of that
 *   version
 * @throws {ConfigurationError} when an option is wrong
 */
export function migrationSql(options: PrintOptions = {}): string {
  const { tablePrefix, from } = resolvePrintOptions(options)
  return printMigrations(mysqlDialect(tablePrefix), [], from)
}

async function importDriver(): Promise<typeof import('mysql2/promise')> {
  try {
    return await import('mysql2/promise')
  } catch (cause) {
    throw new ConfigurationError('the driver mysql2 cannot be loaded: npm install mysql2', { cause })
  }
}

async function connect(resources: MysqlResources, options: ConnectOptions): Promise<MysqlAdapter> {
  const adapter = new MysqlAdapter(resources, options.tablePrefix)
  try {
    await answerInTime(adapter.probe())
    return adapter
  } catch (error) {
    await adapter[Symbol.asyncDispose]()
    throw error
  }
}
