import { ConnectionError, ContentionError } from '../../../../common/errors.js'
import type { SqlDatabase } from '../../database.js'
import { Statements } from '../../statements.js'
import type { NamedVerb, Question, Row, Work } from '../../unit-of-work.js'
import { writeCheckpoint } from '../../verbs/group.js'
import { extend } from '../../verbs/settle.js'
import { driveSync, expand, type Prepared, retryOnContention, single } from '../execute.js'
import { TimeLimit } from '../in-time.js'
import { loopShare } from '../loop-share.js'
import { Portions } from '../portions.js'
import { CompiledStatement } from './compiled-statement.js'
import { sqliteDialect } from './dialect.js'
import { checkTransaction, type SqliteDatabase } from './driver.js'
import { translate } from './errors.js'
import type { Connected } from './file.js'

/** Longest that `publishSync` on a connection of ours waits for a lock, in milliseconds. */
const SYNC_BUSY_TIMEOUT_MS = 5_000

/** What keeps leases goes before everything else that waits for its turn. */
const KEEPS_LEASES: ReadonlySet<string> = new Set([extend.verb, writeCheckpoint.verb])

/**
 * SQLite answers in the same tick, so a unit of work runs whole, without a turn of the event loop in between: nothing of
 * this process can slip into its transaction, and no lock is held while others of this process, who would wait for it
 * without a turn, too, have theirs. Between units of work the event loop gets its turns (`loopShare`). When another process
 * writes, the work is tried again after a pause.
 */
export class Sqlite implements SqlDatabase {
  readonly dialect
  readonly watch: SqlDatabase['watch']
  readonly #statements: Statements
  readonly #file: Connected
  readonly #database: SqliteDatabase | undefined
  readonly #portions = new Portions()
  readonly #compiled = new WeakMap<SqliteDatabase, Map<string, CompiledStatement>>()

  /** @param database the one that the user passed, whose transactions `publishSync` joins */
  constructor(file: Connected, database: SqliteDatabase | undefined, tablePrefix: string) {
    this.dialect = sqliteDialect(tablePrefix)
    this.#statements = new Statements(this.dialect)
    this.#file = file
    this.#database = database
    this.watch = file.watch && ((onChange) => file.watch?.(onChange) as AsyncDisposable)
  }

  has({ verb }: NamedVerb): boolean {
    return this.#statements.has(verb)
  }

  async run<Answer>(question: Question<Answer>, withinMs?: number): Promise<Answer> {
    const { verb } = question
    const [first, ...others] = this.#statements.get(verb)
    const alone = others.length === 0 && first?.each === null
    const work = () => single(question)
    const ask = () => {
      const { connection } = this.#file
      return alone ? this.#alone(connection, work) : this.#inTransaction(connection, work, verb)
    }
    const measured = this.#portions.isMeasured(verb) ? () => this.#measure(verb, ask) : ask
    const isUrgent = withinMs !== undefined || KEEPS_LEASES.has(verb)
    const limit = withinMs === undefined ? undefined : new TimeLimit(withinMs)
    return question.read(await retryOnContention(() => loopShare.run(measured, isUrgent), limit))
  }

  transaction<Result>(work: () => Work<Result>): Promise<Result> {
    return retryOnContention(() => loopShare.run(() => this.#inTransaction(this.#file.connection, work)))
  }

  portion(verb: string, limit: number): number {
    return this.#portions.of(verb, limit)
  }

  async join<Result>(tx: unknown, work: () => Work<Result>): Promise<Result> {
    return this.sync(work, tx)
  }

  sync<Result>(work: () => Work<Result>, tx?: unknown): Result {
    const database = tx === undefined ? this.#own() : checkTransaction(tx)
    if (database !== undefined) {
      return database.inTransaction ? this.#inSavepoint(database, work) : this.#inTransaction(database, work)
    }
    const { connection } = this.#file
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
    this.#file.close()
  }

  /** The user's own object, if it is on the file that is there. */
  #own(): SqliteDatabase | undefined {
    if (this.#database === undefined) return undefined
    // Asked for, so that it is looked at.
    const { connection, generation } = this.#file
    if (connection !== this.#database && generation > 0) {
      throw new ConnectionError(
        'publishSync: the file was replaced, and the database object that was passed to sqlite() is still on the one before: open another, and another channel on it',
      )
    }
    return this.#database
  }

  #measure(verb: string, ask: () => readonly Row[]): readonly Row[] {
    const startedMs = performance.now()
    const rows = ask()
    this.#portions.note(verb, countRows(rows), performance.now() - startedMs)
    return rows
  }

  #alone<Result>(connection: SqliteDatabase, work: () => Work<Result>): Result {
    this.#assertFree(connection)
    return this.#drive(connection, work)
  }

  /** @param verb the one that the work consists of, where it is one */
  #inTransaction<Result>(connection: SqliteDatabase, work: () => Work<Result>, verb?: string): Result {
    this.#assertFree(connection)
    try {
      connection.exec(verb !== undefined && this.#isReading(connection, verb) ? 'begin' : 'begin immediate')
      const result = this.#drive(connection, work)
      connection.exec('commit')
      return result
    } catch (error) {
      if (connection.inTransaction) connection.exec('rollback')
      throw translate(error)
    }
  }

  /** Several steps that only read see one state of the file, and wait for no writer. */
  #isReading(connection: SqliteDatabase, verb: string): boolean {
    return this.#statements.get(verb).every(({ text }) => this.#prepare(connection, text).isReading)
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

/** Rows that were dealt with: a row that stands for several says for how many. */
function countRows(rows: readonly Row[]): number {
  if (rows[0]?.counted === undefined) return rows.length
  return rows.reduce((sum, { counted }) => sum + Number(counted ?? 0), 0)
}
