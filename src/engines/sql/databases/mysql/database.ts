import { createHash } from 'node:crypto'
import { ConnectionError, EndedError, RowcastError } from '../../../../common/errors.js'
import type { Logger } from '../../../../common/logger.js'
import { atMost, handled } from '../../../../common/wait.js'
import type { SqlDatabase } from '../../database.js'
import { Statements } from '../../statements.js'
import type { NamedVerb, Question, Row, Work } from '../../unit-of-work.js'
import { ackAndClaim } from '../../verbs/claim.js'
import { drive, expand, MIGRATION_WAIT_S, migrationLocked, retryOnContention, single } from '../execute.js'
import { ANSWER_LIMIT_MS, TimeLimit } from '../in-time.js'
import type { StatementLimits } from '../parts.js'
import { joinTransaction } from './caller.js'
import { mysqlDialect } from './dialect.js'
import { type MysqlPool, poolSizeOf } from './driver.js'
import { type Hope, hope, LeaseLost } from './hopeful.js'
import { LongPolls } from './long-polls.js'
import { checkNeeds, limitsIdleTransactions } from './needs.js'
import { Preparing } from './preparing.js'
import { COMMIT, ROLLBACK, type Session } from './session.js'
import { Occupied, Sessions, undo } from './sessions.js'
import { meet } from './settings.js'

/**
 * After this long without a statement the server ends a transaction of ours, in seconds: its process stands still, and
 * would keep others from the rows that it locked.
 */
export const STANDSTILL_S = 5
/**
 * What sees to it where sessions are not our own, or the server knows no limit for transactions alone; and lets us change
 * rows that are joined with a list.
 */
const GUARD = `set
  @rowcast_wait_timeout = @@session.wait_timeout, session wait_timeout = ${STANDSTILL_S},
  @rowcast_safe_updates = @@session.sql_safe_updates, session sql_safe_updates = 0`
const UNGUARD = 'set session wait_timeout = @rowcast_wait_timeout, session sql_safe_updates = @rowcast_safe_updates'
const READ_COMMITTED = 'set transaction isolation level read committed, read write'
/** What can be asked outside of a transaction without a trace. */
const READS = /^\s*(select|with)\b/i
/** What a statement has besides its values, in bytes; plenty. */
const OVERHEAD_BYTES = 4_096

/** Longest that a named lock is waited for, with its answer, in milliseconds. */
const LOCK_LIMIT_MS = ANSWER_LIMIT_MS + MIGRATION_WAIT_S * 1_000

export interface MysqlResources {
  readonly pool: MysqlPool
  /** How a pool that is ours alone is let go of; `undefined` when the pool is the user's. */
  readonly own: { end(): Promise<void>; destroy(): void } | undefined
  /** Connections of ours that are being set up, by the driver's own object for each. */
  readonly beingSetUp: WeakMap<object, Promise<void>>
}

/** A verb of one statement has to run in a transaction after all. Goes no further than database.ts. */
class NeedsTransaction extends RowcastError {
  constructor() {
    super('DATABASE', 'needs a transaction')
  }
}

/**
 * MySQL and MariaDB. Transactions run at READ COMMITTED: under the default level, claims lock gaps and deadlock.
 */
export class Mysql implements SqlDatabase {
  readonly dialect
  readonly #statements: Statements
  readonly #resources: MysqlResources
  readonly #sessions: Sessions
  readonly #preparing = new Preparing()
  readonly #longPolls: LongPolls
  #limits: StatementLimits | undefined
  #limitsIdle = false
  /** Whether sessions were met that commit nothing by themselves. */
  #commits = false

  get poolSize(): number | undefined {
    return poolSizeOf(this.#resources.pool)
  }

  constructor(resources: MysqlResources, tablePrefix: string, logger: Logger) {
    this.dialect = mysqlDialect(tablePrefix)
    this.#statements = new Statements(this.dialect)
    this.#resources = resources
    this.#sessions = new Sessions(resources, this.#preparing, logger)
    this.#longPolls = new LongPolls(resources.pool, this.#sessions)
  }

  /** Asks for what the statements need, rather than believe a version string. */
  async probe(): Promise<void> {
    const { maxAllowedPacket } = await this.#sessions.use(meet)
    this.#limits = {
      partBytes: Math.floor(maxAllowedPacket / 2) - OVERHEAD_BYTES,
      mostBytes: maxAllowedPacket - OVERHEAD_BYTES,
    }
    await checkNeeds(this.#sessions)
    this.#limitsIdle = this.#sessions.isOwn && (await limitsIdleTransactions(this.#sessions))
  }

  has({ verb }: NamedVerb): boolean {
    return this.#statements.has(verb)
  }

  async run<Answer>(question: Question<Answer>, withinMs?: number): Promise<Answer> {
    const hopeful = question.verb === ackAndClaim.verb ? hope(question.parameters) : undefined
    const rows = (hopeful && (await this.#runHopefully(hopeful))) ?? (await this.#run(question, withinMs))
    return question.read(rows)
  }

  async longPoll<Answer>(question: Question<Answer>, signal: AbortSignal): Promise<Answer | undefined> {
    const poll = (session: Session) => this.#drive(session, () => single(question))
    const rows = await this.#longPolls.run(poll, signal)
    return rows && question.read(rows)
  }

  transaction<Result>(work: () => Work<Result>): Promise<Result> {
    return this.#transaction(work, undefined)
  }

  async join<Result>(tx: unknown, work: () => Work<Result>): Promise<Result> {
    return this.#drive(await joinTransaction(tx, this.#preparing), work)
  }

  /** DDL commits on its own here, so a named lock of the session stands in for a transaction. */
  exclusively<Result>(work: () => Work<Result>): Promise<Result> {
    return retryOnContention(() =>
      this.#sessions.use(async (session) => {
        await session.look()
        await this.#leaveOther(session)
        const lock = await this.#lockName(session)
        const taken = await session.ask('select get_lock(?, ?) as answer', [lock, MIGRATION_WAIT_S], LOCK_LIMIT_MS)
        if (Number(taken) !== 1) throw migrationLocked()
        try {
          const result = await this.#drive(session, work)
          await session.command(COMMIT)
          return result
        } finally {
          await session.ask('select release_lock(?) as answer', [lock], LOCK_LIMIT_MS).catch(() => undefined)
        }
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.own?.end()
  }

  /** Of a pool of the user's, only what is in use here. */
  destroy(): void {
    this.#sessions.destroy()
    this.#resources.own?.destroy()
  }

  async #run(question: Question<unknown>, withinMs: number | undefined): Promise<readonly Row[]> {
    const limit = withinMs === undefined ? undefined : new TimeLimit(withinMs)
    const work = () => single(question)
    const [statement, ...more] = this.#statements.get(question.verb)
    if (statement === undefined || more.length > 0 || this.#commits) return this.#transaction(work, limit)
    const isRead = READS.test(statement.text)
    const runAlone = (session: Session) => this.#runAlone(session, isRead, work)
    try {
      return await retryOnContention(() => this.#sessions.use(runAlone, limit), limit)
    } catch (error) {
      if (error instanceof NeedsTransaction) return this.#transaction(work, limit)
      throw error
    }
  }

  #transaction<Result>(work: () => Work<Result>, limit: TimeLimit | undefined): Promise<Result> {
    const run = (session: Session) => this.#inTransaction(session, work)
    return retryOnContention(() => this.#sessions.use(run, limit), limit)
  }

  /** `undefined`: it was in vain. */
  async #runHopefully({ question, acks }: Hope): Promise<readonly Row[] | undefined> {
    try {
      const claimed = await this.transaction(() => single(question))
      return [...acks, ...claimed]
    } catch (error) {
      if (error instanceof LeaseLost) return undefined
      throw error
    }
  }

  /** Named locks belong to the server, not to a database. */
  async #lockName(session: Session): Promise<string> {
    const database = await session.ask('select database() as answer', [], ANSWER_LIMIT_MS)
    const address = JSON.stringify([database, this.dialect.relation('migrations')])
    return `rowcast_${createHash('sha256').update(address).digest('hex').slice(0, 40)}`
  }

  /**
   * Runs one statement that commits by itself. The answer to a write says whether it did, at no cost; before a read, which
   * could see an old state, a session that others use is asked.
   */
  async #runAlone<Result>(session: Session, isRead: boolean, work: () => Work<Result>): Promise<Result> {
    if (isRead && !this.#sessions.isOwn) {
      await session.look()
      if (!session.commitsByItself) throw this.#commitFromNowOn()
      if (session.isInTransaction) throw new Occupied()
    }
    const result = await this.#drive(session, work, true)
    if (session.commitsByItself && !session.isInTransaction) return result
    const reason = session.commitsByItself ? new Occupied() : this.#commitFromNowOn()
    await undo(session)
    throw reason
  }

  #commitFromNowOn(): NeedsTransaction {
    this.#commits = true
    this.#sessions.tell(
      'autocommit',
      'connections of this pool have autocommit = 0: rowcast commits its own work, and rolls back what a connection brings along uncommitted (set autocommit = 1 to spare three round trips a statement)',
    )
    return new NeedsTransaction()
  }

  async #inTransaction<Result>(session: Session, work: () => Work<Result>): Promise<Result> {
    if (this.#limitsIdle) return this.#transact(session, work)
    await session.command(GUARD)
    try {
      if (!this.#sessions.isOwn) {
        await this.#leaveOther(session)
        await session.command(READ_COMMITTED)
      }
      return await this.#transact(session, work)
    } finally {
      // A session that keeps the limit is nobody's.
      await session.command(UNGUARD, 1_000).catch(() => session.discard())
    }
  }

  /** Where nothing commits by itself, each read leaves a transaction open: it is ended. Any other is somebody's. */
  async #leaveOther(session: Session): Promise<void> {
    if (!session.commitsByItself) this.#commitFromNowOn()
    if (!session.isInTransaction) return
    if (session.commitsByItself) throw new Occupied()
    await undo(session)
  }

  async #transact<Result>(session: Session, work: () => Work<Result>): Promise<Result> {
    try {
      await session.command('start transaction')
      const result = await this.#drive(session, work)
      await session.command(COMMIT).catch(asUnknown)
      return result
    } catch (error) {
      // On a broken connection there is nothing left to roll back.
      await atMost(1_000, handled(session.command(ROLLBACK))).catch(() => undefined)
      throw error
    }
  }

  /** @param isAlone what it consists of must be one statement */
  #drive<Result>(session: Session, work: () => Work<Result>, isAlone = false): Promise<Result> {
    return drive(expand(this.#statements, work(), this.#limits), async (prepared) => {
      if (isAlone && prepared.isPart) throw new NeedsTransaction()
      return session.run(prepared)
    })
  }
}

/** A commit that the server was asked to end may have been done. */
function asUnknown(error: unknown): never {
  if (!(error instanceof EndedError)) throw error
  throw new ConnectionError('MySQL ended a commit: whether it was done is not known', { cause: error.cause })
}
