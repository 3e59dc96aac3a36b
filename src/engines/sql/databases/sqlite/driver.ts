import { ConfigurationError } from '../../../../common/errors.js'

/** What we use of a `better-sqlite3` statement. */
export interface SqliteStatement {
  readonly reader: boolean
  /** Whether it changes nothing. */
  readonly readonly: boolean
  all(parameters: readonly unknown[]): unknown[]
  run(parameters: readonly unknown[]): { readonly changes: number }
  safeIntegers(toggle: boolean): unknown
  raw(toggle: boolean): unknown
  columns(): readonly { readonly name: string }[]
}

/** What we use of a `better-sqlite3` database. */
export interface SqliteDatabase {
  readonly name: string
  readonly memory: boolean
  readonly open: boolean
  readonly inTransaction: boolean
  readonly readonly: boolean
  prepare(source: string): SqliteStatement
  exec(source: string): unknown
  pragma(source: string, options?: { readonly simple: boolean }): unknown
  close(): unknown
}

/**
 * @param what how the message calls it
 * @throws {ConfigurationError} when it is not a database of the driver
 */
export function checkDatabase(what: string, database: unknown): SqliteDatabase {
  const candidate = database as Partial<SqliteDatabase> | null
  if (typeof candidate?.prepare === 'function' && typeof candidate.pragma === 'function')
    return candidate as SqliteDatabase
  throw new ConfigurationError(`${what} is not a better-sqlite3 database: pass the object that new Database(file) made`)
}

/**
 * The publish option `tx`.
 * @throws {ConfigurationError} when it is no database of the driver, or in no transaction
 */
export function checkTransaction(tx: unknown): SqliteDatabase {
  const database = checkDatabase('publish: tx', tx)
  if (database.inTransaction) return database
  throw new ConfigurationError('publish: the database that tx names is in no transaction: begin one first')
}
