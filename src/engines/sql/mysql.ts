import type { EngineSource } from '../../engine.js'
import { fromOwn, fromUrl } from './databases/mysql/index.js'
import { sqlEngine } from './engine.js'

export type { EngineSource } from '../../engine.js'
export type { PrintOptions } from '../../options/options.js'
export { type MysqlConnection, type MysqlPool, migrationSql } from './databases/mysql/index.js'

/**
 * MySQL or MariaDB through a pool of your own (`mysql2` or `mysql2/promise`), which stays yours to end.
 * @throws {ConfigurationError} when `pool` is not a pool
 */
export function mysql(options: { readonly pool: object }): EngineSource {
  return sqlEngine(fromOwn(options))
}

/** MySQL or MariaDB by URL. @throws {ConfigurationError} when the URL cannot be read; nothing of it is repeated */
export function mysqlUrl(url: string): EngineSource {
  return sqlEngine(fromUrl(url))
}
