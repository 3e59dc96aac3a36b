import { ContentionError } from '../../errors.js'
import { type Parameters, Statements } from '../../statements.js'
import type { Adapter, Row, Work } from '../adapter.js'
import { driveSync, expand, type Prepared, retryOnContention, single } from '../execute.js'
import { sqliteDialect } from './dialect.js'
import { checkTransaction, type SqliteDatabase, type SqliteStatement } from './driver.js'
import { translate } from './errors.js'
import { watchChanges } from './watcher.js'

/** Longest that `publishSync` on a connection of ours waits for a lock, in milliseconds. */
const SYNC_BUSY_TIMEOUT_MS = 5_000

export interface SqliteResources {
  /** Where the asynchronous API runs; never waits for a lock. The user's own database only where that is the one there is. */
  readonly connection: SqliteDatabase
  /** The database that the user passed, whose transactions `publishSync` joins. */
  readonly database: SqliteDatabase | undefined
  /** Opens one more connection to the same file; absent for a database in memory. */
  readonly reopen: (() => SqliteDatabase) | undefined
}

/**
 * SQLite answers in the same tick, so a unit of work runs whole, without a turn of the event loop in between: nothing of
 * this process can slip into its transaction. When another process writes, the work is tried again after a pause.
 */
export class SqliteAdapter implements Adapter {
  readonly dialect
  readonly watch: Adapter['watch']
  readonly #statements: Statements
  readonly #resources: SqliteResources
  readonly #prepared = new WeakMap<SqliteDatabase, Map<string, SqliteStatement>>()

  constructor(resources: SqliteResources, tablePrefix: string) {
    this.dialect = sqliteDialect(tablePrefix)
    this.#statements = new Statements(this.dialect)
    this.#resources = resources
    const { reopen } = resources
    this.watch = reopen && ((onChange) => watchChanges(reopen(), onChange))
  }

  run<R extends Row>(verb: string, parameters: Parameters = {}): Promise<readonly R[]> {
    const alone = this.#statements.get(verb).length === 1
    return retryOnContention(async () => {
      const { connection } = this.#resources
      const work = () => single(verb, parameters)
      const rows = alone ? this.#alone(connection, work) : this.#inTransaction(connection, work)
      return rows as readonly R[]
    })
  }

  transaction<Result>(work: () => Work<Result>): Promise<Result> {
    return retryOnContention(async () => this.#inTransaction(this.#resources.connection, work))
  }

  async join<Result>(tx: unknown, work: () => Work<Result>): Promise<Result> {
    return this.sync(work, tx)
  }

  sync<Result>(work: () => Work<Result>, tx?: unknown): Result {
    const database = tx === undefined ? this.#resources.database : checkTransaction(tx)
    if (database !== undefined) {
      return database.inTransaction ? this.#drive(database, work) : this.#inTransaction(database, work)
    }
    const { connection } = this.#resources
    connection.pragma(`busy_timeout = ${SYNC_BUSY_TIMEOUT_MS}`)
    try {
      return this.#inTransaction(connection, work)
    } finally {
      connection.pragma('busy_timeout = 0')
    }
  }

  exclusively<Result>(work: () => Work<Result>): Promise<Result> {
    return this.transaction(work)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { connection, database } = this.#resources
    if (connection !== database) connection.close()
  }

  #alone<Result>(connection: SqliteDatabase, work: () => Work<Result>): Result {
    this.#assertFree(connection)
    return this.#drive(connection, work)
  }

  #inTransaction<Result>(connection: SqliteDatabase, work: () => Work<Result>): Result {
    this.#assertFree(connection)
    try {
      connection.exec('begin immediate')
      const result = this.#drive(connection, work)
      connection.exec('commit')
      return result
    } catch (error) {
      if (connection.inTransaction) connection.exec('rollback')
      throw translate(error)
    }
  }

  /** In memory there is only the user's own connection, which may be in the middle of a transaction of theirs. */
  #assertFree(connection: SqliteDatabase): void {
    if (connection.inTransaction) throw new ContentionError('the database is in a transaction of its owner')
  }

  #drive<Result>(database: SqliteDatabase, work: () => Work<Result>): Result {
    return driveSync(expand(this.#statements, work()), (prepared) => this.#query(database, prepared))
  }

  #query(database: SqliteDatabase, { statement, values }: Prepared): readonly Row[] {
    const parameters = statement.parameters.map((name, index) => [name, toSqlite(values[index])] as const)
    try {
      const compiled = this.#prepare(database, statement.text)
      if (compiled.reader) return compiled.all(Object.fromEntries(parameters)) as readonly Row[]
      compiled.run(Object.fromEntries(parameters))
      return []
    } catch (error) {
      throw translate(error)
    }
  }

  #prepare(database: SqliteDatabase, text: string): SqliteStatement {
    const cache = this.#prepared.get(database) ?? new Map<string, SqliteStatement>()
    this.#prepared.set(database, cache)
    let compiled = cache.get(text)
    if (compiled === undefined) {
      compiled = database.prepare(text)
      compiled.safeIntegers(false)
      cache.set(text, compiled)
    }
    return compiled
  }
}

/** SQLite has no boolean. */
function toSqlite(value: string | number | boolean | null | undefined): string | number | null | undefined {
  return typeof value === 'boolean' ? Number(value) : value
}
