import { ConfigurationError } from '../../errors.js'
import { printMigrations } from '../../migrations.js'
import type { PrintOptions } from '../../options.js'
import { resolvePrintOptions } from '../../resolve.js'
import type { AdapterSource, ConnectOptions } from '../adapter.js'
import { answerInTime, fromUrl } from '../opening.js'
import { PostgresAdapter, type PostgresResources } from './adapter.js'
import { postgresDialect } from './dialect.js'
import type { PostgresPool } from './driver.js'
import type { ListenConfig } from './listener.js'

export type { PrintOptions } from '../../options.js'
export type { AdapterSource } from '../adapter.js'
export type { PostgresClient, PostgresPool } from './driver.js'

/**
 * Postgres through a pool of your own (`pg.Pool`), which stays yours to end. The LISTEN connection is made from the
 * pool's own options; give `listenUrl` to `EventChannel.open` where the pool goes through a pooler.
 * @throws {ConfigurationError} when `pool` is not a pool
 */
export function postgres(options: { readonly pool: PostgresPool }): AdapterSource {
  const pool = options?.pool
  // A client can connect, too, but only once.
  if (typeof pool?.connect !== 'function' || typeof pool.query !== 'function' || 'processID' in pool) {
    throw new ConfigurationError('postgres: pool is not a pg.Pool: pass { pool: new pg.Pool(…) }')
  }
  return {
    adapter: 'postgres',
    async connect(connectOptions) {
      const { listenUrl } = connectOptions
      if (listenUrl !== undefined) await checkUrl('listenUrl', listenUrl)
      return connect({ pool, listenConfig: listenConfigOf(pool, connectOptions) }, connectOptions)
    },
  }
}

/** Postgres by URL, through a pool of our own. */
export function postgresUrl(url: string): AdapterSource {
  return {
    adapter: 'postgres',
    async connect(options) {
      await checkUrl('the URL', url)
      if (options.listenUrl !== undefined) await checkUrl('listenUrl', options.listenUrl)
      const { default: pg } = await import('pg')
      const pool = new pg.Pool({
        connectionString: url,
        application_name: options.serviceName,
        connectionTimeoutMillis: 5_000,
        keepAlive: true,
      })
      // An idle connection that breaks is replaced; whoever needs one hears when none can be made.
      pool.on('error', () => undefined)
      const listenConfig = { connectionString: options.listenUrl ?? url }
      return connect({ pool: pool as unknown as PostgresPool, end: () => pool.end(), listenConfig }, options)
    },
  }
}

/**
 * The SQL of the migrations, for a person to read and run instead of rowcast. It may be run again: what is there stays.
 * @param options those that the channel is opened with, of which `schema` matters; `from` prints what upgrades tables of that
 *   version
 * @throws {ConfigurationError} when an option is wrong
 */
export function migrationSql(options: PrintOptions = {}): string {
  const { schema, from } = resolvePrintOptions(options)
  const dialect = postgresDialect(schema)
  return printMigrations(dialect, dialect.preambleUnless(false), from)
}

async function connect(resources: PostgresResources, options: ConnectOptions): Promise<PostgresAdapter> {
  const adapter = new PostgresAdapter(resources, options)
  try {
    await answerInTime(adapter.probe())
    return adapter
  } catch (error) {
    await adapter[Symbol.asyncDispose]()
    throw error
  }
}

/** The driver reads a URL when it makes a client, which connects nowhere yet. */
async function checkUrl(what: string, connectionString: string): Promise<void> {
  const { default: pg } = await import('pg')
  fromUrl(what, () => new pg.Client({ connectionString }))
}

/** What a pool was made with; its secrets are hidden from enumeration, so that they must be named to be passed on. */
function listenConfigOf(pool: PostgresPool, options: ConnectOptions): ListenConfig | undefined {
  if (options.listenUrl !== undefined) return { connectionString: options.listenUrl }
  if (pool.options === undefined) return undefined
  const { password, ssl } = pool.options as { password?: unknown; ssl?: unknown }
  return { ...pool.options, password, ssl }
}
