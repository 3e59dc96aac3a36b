import { ConfigurationError, describe } from '../../errors.js'
import { printMigrations } from '../../migrations.js'
import type { PrintOptions } from '../../options.js'
import { resolvePrintOptions } from '../../resolve.js'
import type { AdapterSource } from '../adapter.js'
import { retryOnContention } from '../execute.js'
import { SqliteAdapter } from './adapter.js'
import { sqliteDialect } from './dialect.js'
import { checkDatabase, type SqliteDatabase } from './driver.js'
import { translate } from './errors.js'

export type { PrintOptions } from '../../options.js'
export type { AdapterSource } from '../adapter.js'
export type { SqliteDatabase } from './driver.js'

type Open = (file: string, options: { timeout: number; readonly?: boolean }) => SqliteDatabase

/**
 * SQLite through a `better-sqlite3` database of your own, which stays yours to close. It is used for what must share its
 * transaction (`publishSync`); everything else runs on a connection of ours to the same file. A database in memory has
 * only the one connection.
 * @throws {ConfigurationError} when `database` is not a database
 */
export function sqlite(options: { readonly database: SqliteDatabase }): AdapterSource {
  const database = checkDatabase('sqlite: database', options?.database)
  const Database = database.constructor as new (...args: Parameters<Open>) => SqliteDatabase
  return {
    adapter: 'sqlite',
    connect: ({ tablePrefix }) =>
      connect(database.name, database.memory, (file, options) => new Database(file, options), database, tablePrefix),
  }
}

/** SQLite by URL: `sqlite:./app.db`, `sqlite:///var/lib/app.db`, `sqlite::memory:`. */
export function sqliteUrl(url: string): AdapterSource {
  const file = url.slice('sqlite:'.length).replace(/^\/\//, '')
  if (file === '') throw new ConfigurationError('EventChannel.open: sqlite: names no file: write sqlite:./app.db')
  return {
    adapter: 'sqlite',
    async connect({ tablePrefix }) {
      const Database = await importDriver()
      return connect(file, file === ':memory:', (name, options) => new Database(name, options), undefined, tablePrefix)
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

async function connect(
  file: string,
  memory: boolean,
  open: Open,
  database: SqliteDatabase | undefined,
  tablePrefix: string,
): Promise<SqliteAdapter> {
  const connection = memory && database !== undefined ? database : openFile(open, file)
  try {
    if (!memory) await retryOnContention(async () => prepareFile(connection))
  } catch (error) {
    if (connection !== database) connection.close()
    throw error
  }
  const reopen = memory ? undefined : () => open(file, { timeout: 0, readonly: true })
  return new SqliteAdapter({ connection, database, reopen }, tablePrefix)
}

function openFile(open: Open, file: string): SqliteDatabase {
  try {
    // No busy timeout: it would block the event loop.
    return open(file, { timeout: 0 })
  } catch (error) {
    // The driver reports a missing folder as a TypeError.
    if (error instanceof TypeError) throw translate(Object.assign(error, { code: 'SQLITE_CANTOPEN' }), file)
    const translated = translate(error, file)
    // It loads its native part only now; built for another Node, or not at all, that fails without a code of SQLite's.
    if (translated !== error) throw translated
    throw new ConfigurationError(`better-sqlite3 cannot be loaded (${describe(error)}): npm rebuild better-sqlite3`, {
      cause: error,
    })
  }
}

/** Readers and the writer do not wait for each other; a commit survives a crash of the process. */
function prepareFile(connection: SqliteDatabase): void {
  try {
    connection.pragma('journal_mode = wal')
    connection.pragma('synchronous = normal')
  } catch (error) {
    throw translate(error, connection.name)
  }
}
