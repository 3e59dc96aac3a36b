import { statfsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigurationError, describe } from '../../../../common/errors.js'
import type { Logger } from '../../../../common/logger.js'
import type { SqliteDatabase } from './driver.js'
import { translate } from './errors.js'

/** What a connection is opened with. */
export interface OpenOptions {
  /** How long it waits for a lock, in milliseconds; 0, since it would hold up the event loop. */
  readonly timeout: number
  readonly readonly?: boolean
  /** Whether there is to be an error rather than a new file. */
  readonly fileMustExist?: boolean
}

export type Open = (file: string, options: OpenOptions) => SqliteDatabase

/**
 * The journal may grow to some megabytes while events come and go, and to any size while somebody reads for long; then it is
 * cut down to this, in bytes.
 */
const JOURNAL_BYTES = 16 * 2 ** 20

/** File systems of other machines, by the numbers that Linux gives them. */
const NETWORKS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x01021997, '9P'],
  [0x00c36400, 'Ceph'],
])

/** @throws {ConfigurationError} {ConnectionError} when the driver cannot open it */
export function openConnection(open: Open, file: string, options: OpenOptions): SqliteDatabase {
  try {
    return open(file, options)
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

/**
 * Where others open the file of a database: the name that was given, if it still leads there; a process may have changed its
 * folder since. Empty for a database in memory.
 */
export function pathOf(database: SqliteDatabase): string {
  const rows = database.pragma('database_list') as readonly { readonly name: string; readonly file: string | null }[]
  const file = rows.find(({ name }) => name === 'main')?.file ?? ''
  if (file === '' || database.name.startsWith('file:')) return file
  const given = resolve(database.name)
  return isSame(given, file) ? given : file
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }))
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev
}

/**
 * Refuses a database of the user's beside which no connection of ours can work.
 * @throws {ConfigurationError}
 */
export function checkOwner(database: SqliteDatabase): void {
  if (database.readonly) {
    throw new ConfigurationError(
      'sqlite: the database was opened with readonly: true, and rowcast writes: pass one that may write',
    )
  }
  if (!database.memory && simple(database, 'locking_mode') === 'exclusive') {
    throw new ConfigurationError(
      'sqlite: the database has locking_mode = exclusive, which keeps out every other connection, those of rowcast too: use locking_mode = normal',
    )
  }
}

/**
 * Readers and the writer do not wait for each other; a commit survives a crash of the process.
 * @param isOwned whether the file belongs to a database of the user's, who is told what is changed about it
 */
export function prepareFile(connection: SqliteDatabase, path: string, isOwned: boolean, logger: Logger): void {
  try {
    const before = simple(connection, 'journal_mode')
    const after = before === 'wal' ? before : String(simple(connection, 'journal_mode = wal'))
    connection.pragma('synchronous = normal')
    connection.pragma(`journal_size_limit = ${JOURNAL_BYTES}`)
    if (after !== 'wal') {
      logger.warn('this file cannot have a write-ahead log: readers and the writer wait for each other', {
        path,
        journalMode: after,
      })
    } else if (isOwned && before !== 'wal') {
      logger.warn('the journal mode of the database file was changed, for all who open it', { path, before, after })
    }
  } catch (error) {
    throw translate(error, path)
  }
}

/** SQLite's locks are only as good as those of the file system. */
export function warnOfNetwork(path: string, logger: Logger): void {
  const network = NETWORKS.get(typeOf(path))
  if (network === undefined) return
  logger.warn('the database file is on a network file system, whose locks SQLite cannot rely on: use a local disk', {
    path,
    network,
  })
}

function typeOf(path: string): number {
  try {
    return statfsSync(path).type
  } catch {
    // Where nothing can be learned, nothing is told.
    return 0
  }
}

function simple(database: SqliteDatabase, pragma: string): unknown {
  return database.pragma(pragma, { simple: true })
}
