import type { Row } from '../../unit-of-work.js'
import { MIGRATION, type Prepared } from '../execute.js'
import { inTime } from '../in-time.js'
import { breakOff, type CoreConnection, coreOf, type MysqlConnection, type Shape, shapeOf } from './driver.js'
import { errnoOf, translate } from './errors.js'
import { LeaseLost } from './hopeful.js'
import { writeIn } from './literal.js'
import type { Preparing } from './preparing.js'

/** How errors call the database. */
export const NAME = 'MySQL'

/** Bits of the status that comes with every answer without rows. @see https://dev.mysql.com/doc/dev/mysql-server/latest/ SERVER_STATUS_flags_enum */
const IN_TRANSACTION = 1
const AUTOCOMMIT = 2

/**
 * Nothing ran, since the statement is not prepared or cannot be: no place left, unknown to the server (a pool or a proxy reset
 * the session), to be prepared again, not one to prepare.
 */
const NOT_PREPARED = new Set([1243, 1295, 1461, 1615])
const NO_PLACE = 1461
const UNKNOWN = 1243

/** `completion_type` may make more of a plain commit or rollback: another transaction, or the end of the session. */
export const COMMIT = 'commit and no chain no release'
export const ROLLBACK = 'rollback and no chain no release'

interface Answer {
  readonly affectedRows?: number
  readonly serverStatus?: number
}

/** A connection while it is ours, and what the server last said of its session. */
export class Session {
  readonly connection: MysqlConnection
  readonly #preparing: Preparing
  readonly #shape: Shape
  #status = AUTOCOMMIT

  constructor(connection: MysqlConnection, preparing: Preparing) {
    this.connection = connection
    this.#preparing = preparing
    this.#shape = shapeOf(connection)
  }

  /** Whether it is in a transaction, as of the last answer without rows. */
  get isInTransaction(): boolean {
    return (this.#status & IN_TRANSACTION) !== 0
  }

  /** Whether each statement commits by itself, unless it is in a transaction. */
  get commitsByItself(): boolean {
    return (this.#status & AUTOCOMMIT) !== 0
  }

  /** It is not to be used again. */
  discard(): void {
    breakOff(this.connection)
  }

  /** Runs text without values. */
  async command(sql: string, limitMs?: number): Promise<readonly Row[]> {
    try {
      return this.#read(await answered(this.connection.query({ ...this.#shape, sql, values: [] }), limitMs))
    } catch (error) {
      throw translate(error)
    }
  }

  /** Asks the server where the session stands: the cheapest question there is. */
  async look(): Promise<void> {
    await this.command('do 0')
  }

  /** Runs one statement. */
  async run({ statement, values, changes }: Prepared): Promise<readonly Row[]> {
    // What a migration says cannot all be prepared.
    if (statement.name === MIGRATION) return this.command(statement.text)
    try {
      return this.#read(
        await this.#execute(statement.text, values, this.#preparing.isWorthwhile(statement, values)),
        changes,
      )
    } catch (error) {
      throw translate(error)
    }
  }

  async ask(sql: string, values: readonly (string | number)[], limitMs: number): Promise<unknown> {
    const [row] = await this.command(writeIn(sql, values), limitMs)
    return row?.answer
  }

  async #execute(sql: string, values: Prepared['values'], isPrepared: boolean): Promise<readonly unknown[]> {
    if (!isPrepared) return answered(this.connection.query({ ...this.#shape, sql: writeIn(sql, values), values: [] }))
    const options = { ...this.#shape, sql, values: values.map(toMysql) }
    try {
      return await answered(this.connection.execute(options))
    } catch (error) {
      const errno = errnoOf(error)
      if (!NOT_PREPARED.has(errno)) throw error
      if (errno === NO_PLACE) this.#preparing.rest()
      if (errno === UNKNOWN) (coreOf(this.connection) as CoreConnection).unprepare?.(options)
      return this.#execute(sql, values, false)
    }
  }

  #read([answer]: readonly unknown[], changes?: number): readonly Row[] {
    if (Array.isArray(answer)) return answer
    const { affectedRows, serverStatus } = answer as Answer
    if (serverStatus !== undefined) this.#status = serverStatus
    if (changes !== undefined && affectedRows !== changes) throw new LeaseLost()
    return []
  }
}

/** The driver has a time limit of its own, but it does not cover the preparing of a statement. */
function answered<Result>(work: Promise<Result>, limitMs?: number): Promise<Result> {
  return inTime(NAME, work, limitMs)
}

/** Numbers travel as text: the driver would send a double, which `limit` refuses and arithmetic rounds. */
function toMysql(value: string | number | boolean | null): string | null {
  if (typeof value === 'boolean') return value ? '1' : '0'
  return value === null ? null : String(value)
}
