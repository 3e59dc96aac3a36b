import type { DatabaseSource, SqlDatabase } from '../../src/engines/sql/database.js'
import { fromUrl as mysqlAt } from '../../src/engines/sql/databases/mysql/index.js'
import { fromUrl as postgresAt } from '../../src/engines/sql/databases/postgres/index.js'
import { fromUrl as sqliteAt } from '../../src/engines/sql/databases/sqlite/index.js'
import { resolveChannelOptions } from '../../src/options/resolve.js'
import type { Place } from './databases.js'
import { silent } from './logger.js'

/** A database by URL, under the engine: for units of work of a test's own. */
export function databaseAt(url: string): DatabaseSource {
  if (url.startsWith('postgres')) return postgresAt(url)
  return url.startsWith('sqlite') ? sqliteAt(url) : mysqlAt(url)
}

export function connectTo(
  source: DatabaseSource,
  options: Place['options'],
  serviceName = 'test',
): Promise<SqlDatabase> {
  return source.connect(resolveChannelOptions({ ...options, serviceName, logger: silent }))
}
