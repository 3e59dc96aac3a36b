import { ConfigurationError, RowcastError } from '../../../../common/errors.js'
import { detach, handled } from '../../../../common/wait.js'
import type { EngineOptions } from '../../../../engine.js'
import type { PrintOptions } from '../../../../options/options.js'
import { resolvePrintOptions } from '../../../../options/resolve.js'
import type { DatabaseSource } from '../../database.js'
import { printMigrations } from '../../migrations.js'
import { opened } from '../opening.js'
import { Mysql, type MysqlResources, STANDSTILL_S } from './database.js'
import { mysqlDialect } from './dialect.js'
import { type MysqlConnection, type MysqlPool, toPromises } from './driver.js'
import { OWN_SESSION } from './settings.js'
import { Sockets } from './sockets.js'
import { type MysqlConfig, readMysqlUrl, type Way } from './url.js'

export type { MysqlConnection, MysqlPool } from './driver.js'

/**
 * MySQL or MariaDB through a pool of your own (`mysql2` or `mysql2/promise`), which stays yours to end.
 * @throws {ConfigurationError} when `pool` is not a pool
 */
export function fromOwn(options: { readonly pool: object }): DatabaseSource {
  const given = options?.pool
  const pool = typeof given === 'object' && given !== null ? (toPromises(given) as MysqlPool) : undefined
  if (typeof pool?.getConnection !== 'function') {
    throw new ConfigurationError('mysql: pool is not a mysql2 pool: pass { pool: mysql.createPool(…) }')
  }
  const resources = { pool, own: undefined, beingSetUp: new WeakMap<object, Promise<void>>() }
  return { name: 'mysql', connect: (connectOptions) => connect(resources, connectOptions) }
}

/** MySQL or MariaDB by URL, through a pool of our own. */
export function fromUrl(url: string): DatabaseSource {
  return {
    name: 'mysql',
    async connect(options) {
      const { config, ways } = readMysqlUrl(url)
      const { createPool } = await importDriver()
      const [first, second] = ways
      const open = (ssl: Way) => connect(ownResources(createPool, config, ssl, options), options)
      return open(first).catch((error: unknown) => {
        if (ways.length < 2 || !lacksTls(error)) throw error
        return open(second)
      })
    },
  }
}

type CreatePool = typeof import('mysql2/promise')['createPool']

function ownResources(
  createPool: CreatePool,
  config: MysqlConfig['config'],
  ssl: Way,
  { serviceName }: EngineOptions,
): MysqlResources {
  const sockets = new Sockets()
  const pool = createPool({
    ...config,
    stream: sockets.connect,
    ...(ssl && { ssl }),
    charset: 'utf8mb4',
    connectAttributes: { program_name: serviceName },
  })
  const beingSetUp = new WeakMap<object, Promise<void>>()
  pool.on('connection', (connection) => {
    beingSetUp.set(connection, handled(setUp(toPromises<MysqlConnection>(connection))))
  })
  const own = {
    // A connection that is broken off meanwhile says no goodbye, and the driver takes that for a failure of the end.
    end: () => pool.end().catch(() => sockets.destroy()),
    destroy: () => sockets.destroy(),
  }
  return { pool: toPromises(pool) as unknown as MysqlPool, own, beingSetUp }
}

function lacksTls(error: unknown): boolean {
  const cause: unknown = error instanceof RowcastError ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === 'HANDSHAKE_NO_SSL_SUPPORT'
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

/** Makes a session of our own what our statements rest on. */
async function setUp(connection: MysqlConnection): Promise<void> {
  // All at once: the driver sends them one after the other, before whatever asks for the connection.
  const asked = OWN_SESSION.map((sql) => connection.query({ sql }))
  // MySQL does not know this one; the database asks.
  detach(connection.query({ sql: `set session idle_transaction_timeout = ${STANDSTILL_S}` }))
  await Promise.all(asked)
}

async function importDriver(): Promise<typeof import('mysql2/promise')> {
  try {
    return await import('mysql2/promise')
  } catch (cause) {
    throw new ConfigurationError('the driver mysql2 cannot be loaded: npm install mysql2', { cause })
  }
}

async function connect(resources: MysqlResources, options: EngineOptions): Promise<Mysql> {
  return opened(new Mysql(resources, options.tablePrefix, options.logger))
}
