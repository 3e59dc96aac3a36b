import { ContentionError } from '../../errors.js'
import { type Parameters, Statements } from '../../statements.js'
import type { Adapter, Row, Work } from '../adapter.js'
import { driveSync, expand, type Prepared, retryOnContention, single } from '../execute.js'
import { CompiledStatement } from './compiled-statement.js'
import { sqliteDialect } from './dialect.js'
import { checkTransaction, type SqliteDatabase } from './driver.js'
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
  readonly #compiled = new WeakMap<SqliteDatabase, Map<string, CompiledStatement>>()

  constructor(resources: SqliteResources, tablePrefix: string) {
    this.dialect = sqliteDialect(tablePrefix)
    this.#statements = new Statements(this.dialect)
    this.#resources = resources
    const { reopen } = resources
    this.watch = reopen && ((onChange) => watchChanges(reopen(), onChange))
  }

  has(verb: string): boolean {
    return this.#statements.has(verb)
  }

  run<R extends Row>(verb: string, parameters: Parameters = {}): Promise<readonly R[]> {
    const [first, ...others] = this.#statements.get(verb)
    const alone = others.length === 0 && first?.each === undefined
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
      return database.inTransaction ? this.#inSavepoint(database, work) : this.#inTransaction(database, work)
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

  /** All or none, also where the owner of the transaction catches the error and commits what they did themselves. */
  #inSavepoint<Result>(database: SqliteDatabase, work: () => Work<Result>): Result {
    database.exec('savepoint rowcast')
    try {
      const result = this.#drive(database, work)
      database.exec('release rowcast')
      return result
    } catch (error) {
      if (database.inTransaction) database.exec('rollback to rowcast; release rowcast')
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

  #query(database: SqliteDatabase, prepared: Prepared): readonly Row[] {
    try {
      return this.#prepare(database, prepared.statement.text).execute(prepared)
    } catch (error) {
      throw translate(error)
    }
  }

  #prepare(database: SqliteDatabase, text: string): CompiledStatement {
    const cache = this.#compiled.get(database) ?? new Map<string, CompiledStatement>()
    this.#compiled.set(database, cache)
    let compiled = cache.get(text)
    if (compiled === undefined) {
      compiled = new CompiledStatement(database.prepare(text))
      cache.set(text, compiled)
    }
    return compiled
  }
}
