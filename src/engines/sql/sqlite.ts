import type { EngineSource } from '../../engine.js'
import { fromOwn, fromUrl, type SqliteOptions } from './databases/sqlite/index.js'
import { sqlEngine } from './engine.js'

export type { EngineSource } from '../../engine.js'
export type { PrintOptions } from '../../options/options.js'
export {
  migrationSql,
  type Open,
  type OpenOptions,
  type SqliteDatabase,
  type SqliteOptions,
} from './databases/sqlite/index.js'

/**
 * SQLite through a `better-sqlite3` database of your own, which stays yours to close. It is used for what must share its
 * transaction (`publishSync`); everything else runs on a connection of ours to the same file. A database in memory has
 * only the one connection.
 * @throws {ConfigurationError} when `database` is not a database, may not write, or keeps out every other connection
 */
export function sqlite(options: SqliteOptions): EngineSource {
  return sqlEngine(fromOwn(options))
}

/** SQLite by URL. @throws {ConfigurationError} when the URL cannot be read; nothing of it is repeated */
export function sqliteUrl(url: string): EngineSource {
  return sqlEngine(fromUrl(url))
}
