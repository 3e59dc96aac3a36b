import { resolve } from 'node:path'
import { ConfigurationError, MigrationError } from '../../../../common/errors.js'
import type { Logger } from '../../../../common/logger.js'
import type { PrintOptions } from '../../../../options/options.js'
import { resolvePrintOptions } from '../../../../options/resolve.js'
import type { DatabaseSource } from '../../database.js'
import { printMigrations } from '../../migrations.js'
import { retryOnContention } from '../execute.js'
import { Sqlite } from './database.js'
import { sqliteDialect } from './dialect.js'
import { checkDatabase, type SqliteDatabase } from './driver.js'
import { DatabaseFile, OneConnection } from './file.js'
import { checkOwner, type Open, openConnection, pathOf, prepareFile, warnOfNetwork } from './opening.js'

export type { SqliteDatabase } from './driver.js'
export type { Open, OpenOptions } from './opening.js'

/** What `sqlite()` takes. */
export interface SqliteOptions {
  readonly database: SqliteDatabase
  /**
   * Opens one more connection to the file, as yours was opened: with its key, its functions that triggers call, its native
   * binding. Pass on `options` (`timeout`, `readonly`, `fileMustExist`).
   * @default new Database(file, options), with the class of `database`
   */
  readonly open?: Open
}

/**
 * SQLite through a `better-sqlite3` database of your own, which stays yours to close. It is used for what must share its
 * transaction (`publishSync`); everything else runs on a connection of ours to the same file. A database in memory has
 * only the one connection.
 * @throws {ConfigurationError} when `database` is not a database, may not write, or keeps out every other connection
 */
export function fromOwn(options: SqliteOptions): DatabaseSource {
  const database = checkDatabase('sqlite: database', options?.database)
  const Database = database.constructor as new (...args: Parameters<Open>) => SqliteDatabase
  const { open = (file, more) => new Database(file, more) } = options
  if (typeof open !== 'function') throw new ConfigurationError('sqlite: open is not a function: (file, options) => …')
  return {
    name: 'sqlite',
    async connect({ tablePrefix, logger }) {
      checkOwner(database)
      const path = database.memory ? '' : pathOf(database)
      if (path === '') return new Sqlite(new OneConnection(database, false), database, tablePrefix)
      return connect({ open, name: path, logger }, database, tablePrefix)
    },
  }
}

/** SQLite by URL: `sqlite:./app.db`, `sqlite:///var/lib/app.db`, `sqlite::memory:`. */
export function fromUrl(url: string): DatabaseSource {
  const file = url.slice('sqlite:'.length).replace(/^\/\//, '')
  if (file === '') throw new ConfigurationError('EventChannel.open: sqlite: names no file: write sqlite:./app.db')
  if (file.includes('?') && !file.startsWith('file:')) {
    throw new ConfigurationError(
      'EventChannel.open: sqlite: takes no parameters: leave out what follows the question mark, or pass sqlite({ database })',
    )
  }
  return {
    name: 'sqlite',
    async connect({ tablePrefix, logger }) {
      const Database = await importDriver()
      const open: Open = (name, options) => new Database(name, options)
      if (file === ':memory:') {
        const connection = openConnection(open, file, { timeout: 0 })
        return new Sqlite(new OneConnection(connection, true), undefined, tablePrefix)
      }
      // By its whole path: the process may change its folder before another connection is opened.
      return connect({ open, name: file.startsWith('file:') ? file : resolve(file), logger }, undefined, tablePrefix)
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
  return printMigrations(sqliteDialect(tablePrefix), [], from)
}

async function importDriver(): Promise<new (...args: Parameters<Open>) => SqliteDatabase> {
  try {
    const driver = await import('better-sqlite3')
    return driver.default as unknown as new (
      ...args: Parameters<Open>
    ) => SqliteDatabase
  } catch (cause) {
    throw new ConfigurationError('the driver better-sqlite3 cannot be loaded: npm install better-sqlite3', { cause })
  }
}

interface Source {
  readonly open: Open
  /** What to open: a path, or a URI. */
  readonly name: string
  readonly logger: Logger
}

async function connect(
  { open, name, logger }: Source,
  database: SqliteDatabase | undefined,
  tablePrefix: string,
): Promise<Sqlite> {
  const isOwned = database !== undefined
  const first = openConnection(open, name, { timeout: 0, fileMustExist: isOwned })
  try {
    const path = isOwned ? name : pathOf(first)
    if (path === '') return new Sqlite(new OneConnection(first, true), undefined, tablePrefix)
    await retryOnContention(async () => prepareFile(first, path, isOwned, logger))
    warnOfNetwork(path, logger)
    const reopen = () => {
      const connection = openConnection(open, name, { timeout: 0, fileMustExist: true })
      prepareFile(connection, path, false, logger)
      return connection
    }
    const watch = () => openConnection(open, name, { timeout: 0, readonly: true, fileMustExist: true })
    const file = new DatabaseFile({ path, logger, reopen, watch, accept: haveSameTables(tablePrefix) }, first)
    return new Sqlite(file, database, tablePrefix)
  } catch (error) {
    first.close()
    throw error
  }
}

/** Compares what two files say of their migrations. */
function haveSameTables(tablePrefix: string): (found: SqliteDatabase, before: SqliteDatabase) => void {
  const text = `select version, checksum from ${sqliteDialect(tablePrefix).relation('migrations')} order by version`
  const read = (database: SqliteDatabase) => JSON.stringify(database.prepare(text).all([]))
  return (found, before) => {
    if (read(found) !== read(before)) throw new MigrationError('its tables are of another version of rowcast')
  }
}
