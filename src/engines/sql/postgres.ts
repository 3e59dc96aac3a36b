import type { EngineSource } from '../../engine.js'
import { fromOwn, fromUrl, type PostgresPool } from './databases/postgres/index.js'
import { sqlEngine } from './engine.js'

export type { EngineSource } from '../../engine.js'
export type { PrintOptions } from '../../options/options.js'
export { migrationSql, type PostgresClient, type PostgresPool } from './databases/postgres/index.js'

/**
 * Postgres through a pool of your own (`pg.Pool`), which stays yours to end. The LISTEN connection is made from the
 * pool's own options; give `listenUrl` to `EventChannel.open` where the pool goes through a pooler.
 * @throws {ConfigurationError} when `pool` is not a pool
 */
export function postgres(options: { readonly pool: PostgresPool }): EngineSource {
  return sqlEngine(fromOwn(options))
}

/** Postgres by URL. @throws {ConfigurationError} when the URL cannot be read; nothing of it is repeated */
export function postgresUrl(url: string): EngineSource {
  return sqlEngine(fromUrl(url))
}
