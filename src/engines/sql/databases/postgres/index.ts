import { ConfigurationError } from '../../../../common/errors.js'
import type { EngineOptions } from '../../../../engine.js'
import type { PrintOptions } from '../../../../options/options.js'
import { resolvePrintOptions } from '../../../../options/resolve.js'
import type { DatabaseSource } from '../../database.js'
import { printMigrations } from '../../migrations.js'
import { opened } from '../opening.js'
import { AddressPool } from './address-pool.js'
import { Postgres, type PostgresResources } from './database.js'
import { postgresDialect } from './dialect.js'
import type { ClientPool, PostgresPool } from './driver.js'
import type { ListenConfig } from './listener.js'
import { readPostgresUrl } from './url.js'

export type { PostgresClient, PostgresPool } from './driver.js'

/**
 * Postgres through a pool of your own (`pg.Pool`), which stays yours to end. The LISTEN connection is made from the
 * pool's own options; give `listenUrl` to `EventChannel.open` where the pool goes through a pooler.
 * @throws {ConfigurationError} when `pool` is not a pool
 */
export function fromOwn(options: { readonly pool: PostgresPool }): DatabaseSource {
  const pool = options?.pool
  // A client can connect, too, but only once.
  if (typeof pool?.connect !== 'function' || typeof pool.query !== 'function' || 'processID' in pool) {
    throw new ConfigurationError('postgres: pool is not a pg.Pool: pass { pool: new pg.Pool(…) }')
  }
  return {
    name: 'postgres',
    connect: async (options) =>
      connect({ pool, own: undefined, listenConfig: listenConfigFor(pool, options) }, options),
  }
}

/**
 * Postgres by URL, through a pool of our own.
 * @throws {ConfigurationError} from `connect`, when the URL cannot be read; nothing of it is repeated
 */
export function fromUrl(url: string): DatabaseSource {
  return {
    name: 'postgres',
    async connect(options) {
      const { config, ...where } = readPostgresUrl('the URL', url)
      const { default: pg } = await import('pg')
      const pool = new AddressPool(pg, { config: { application_name: options.serviceName, ...config }, ...where })
      const listenConfig = listenConfigFor(pool, options)
      return connect({ pool, own: pool, listenConfig }, options)
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

async function connect(resources: PostgresResources, options: EngineOptions): Promise<Postgres> {
  return opened(new Postgres(resources, options))
}

/** How to reach the server for LISTEN; `undefined` when neither an option nor the pool says. */
function listenConfigFor(pool: ClientPool, { listenUrl, serviceName }: EngineOptions): ListenConfig | undefined {
  const application_name = `${serviceName} listen`.slice(0, 63)
  if (listenUrl !== undefined) return { ...readListenUrl(listenUrl), application_name }
  if (pool instanceof AddressPool) return pool.listenConfig({ application_name })
  if (pool.options === undefined) return undefined
  // What a pool was made with; its secrets are hidden from enumeration, so that they must be named to be passed on.
  const { password, ssl } = pool.options as { password?: unknown; ssl?: unknown }
  return { ...pool.options, password, ssl, application_name }
}

function readListenUrl(listenUrl: string): ListenConfig {
  const { config, addresses } = readPostgresUrl('listenUrl', listenUrl)
  const [address, ...more] = addresses
  if (address === undefined || more.length > 0) {
    throw new ConfigurationError(
      'EventChannel.open: listenUrl leaves open where to connect, or how: name one host, and an sslmode other than allow and prefer',
    )
  }
  return { ...config, ...address }
}
