import { createHash } from 'node:crypto'
import { ConnectionError, describe, EndedError, PayloadError, RowcastError, UnsupportedError } from '../../errors.js'
import { type Parameters, Statements } from '../../statements.js'
import { atMost, detach, handled } from '../../wait.js'
import type { Adapter, Row, Work } from '../adapter.js'
import { drive, expand, MIGRATION_WAIT_S, migrationLocked, retryOnContention, single } from '../execute.js'
import { type Gate, gateOf } from '../gate.js'
import { TimeLimit, withinLimit } from '../in-time.js'
import { PROBE_TIMEOUT_MS } from '../opening.js'
import { inTurn } from '../pool-turn.js'
import { mysqlDialect } from './dialect.js'
import { checkTransaction, type MysqlConnection, type MysqlPool, type PooledConnection } from './driver.js'
import { translate } from './errors.js'
import { type HopefulExchange, hope, LeaseLost } from './hopeful.js'
import { answered, ask, NAME, query } from './query.js'

/**
 * After this long without a statement the server ends a transaction of ours, in seconds: its process stands still, and
 * would keep others from the rows that it locked.
 */
export const STANDSTILL_S = 5
/** What sees to it where sessions are not our own, or the server knows no limit for transactions alone. */
const LIMIT_IDLE = `set @rowcast_wait_timeout = @@session.wait_timeout, session wait_timeout = ${STANDSTILL_S}`
const RESTORE_IDLE = 'set session wait_timeout = @rowcast_wait_timeout'
/** MariaDB has a limit for transactions alone. */
const IDLE_TRANSACTION_LIMIT = 'select @@session.idle_transaction_timeout'
/** What the statements rest on, in one; and its parts, to tell which of them a server lacks. */
const LIST = "(select * from json_table('[1]', '$[*]' columns (n int path '$')) as listed) as j"
const NEEDED = `select j.n from ${LIST} for update skip locked`
const PARTS_NEEDED = [
  { name: 'json_table', sql: `select j.n from ${LIST}` },
  { name: 'skip locked', sql: 'select j.n from (select 1 as n) as j for update skip locked' },
]
const READ_COMMITTED = 'set transaction isolation level read committed'

export interface MysqlResources {
  readonly pool: MysqlPool
  /**
   * How a pool that is ours alone is let go of; its sessions are at READ COMMITTED, and have `STANDSTILL_S` where the server
   * knows such a limit. `undefined` when the pool is the user's.
   */
  readonly own: { end(): Promise<void>; destroy(): void } | undefined
}

/**
 * MySQL and MariaDB. Transactions run at READ COMMITTED: under the default level, claims lock gaps and deadlock.
 */
export class MysqlAdapter implements Adapter {
  readonly dialect
  readonly #statements: Statements
  readonly #resources: MysqlResources
  readonly #gate: Gate
  readonly #lent = new Set<PooledConnection>()
  #limitsIdle = false

  /** The driver has 0 for no limit. */
  get poolSize(): number | undefined {
    return this.#resources.pool.pool?.config?.connectionLimit || undefined
  }

  constructor(resources: MysqlResources, tablePrefix: string) {
    this.dialect = mysqlDialect(tablePrefix)
    this.#statements = new Statements(this.dialect)
    this.#resources = resources
    this.#gate = gateOf(resources.pool.pool ?? resources.pool, this.poolSize)
  }

  /** Asks for what the statements need, rather than believe a version string. */
  async probe(): Promise<void> {
    const refusal = await this.#refusal(NEEDED)
    if (refusal !== undefined) {
      const refused = await Promise.all(PARTS_NEEDED.map(async ({ name, sql }) => (await this.#refusal(sql)) && name))
      const what = refused.filter((name) => name !== undefined).join(' and ') || 'locks beside json_table'
      throw new UnsupportedError(
        `this server refuses ${what} (${describe(refusal.cause)}): use MySQL 8.0.4 or MariaDB 10.6, or later`,
        { cause: refusal },
      )
    }
    this.#limitsIdle = this.#resources.own !== undefined && (await this.#refusal(IDLE_TRANSACTION_LIMIT)) === undefined
  }

  has(verb: string): boolean {
    return this.#statements.has(verb)
  }

  async run<R extends Row>(verb: string, parameters: Parameters = {}, withinMs?: number): Promise<readonly R[]> {
    const hopeful = verb === 'exchange' ? hope(parameters) : undefined
    const rows = (hopeful && (await this.#exchange(hopeful))) ?? (await this.#run(verb, parameters, withinMs))
    return rows as readonly R[]
  }

  #run(verb: string, parameters: Parameters, withinMs: number | undefined): Promise<readonly Row[]> {
    const alone = this.#statements.get(verb).length === 1
    const work = () => single(verb, parameters)
    const limit = withinMs === undefined ? undefined : new TimeLimit(withinMs)
    return retryOnContention(
      () =>
        this.#withConnection(
          (connection) => (alone ? this.#drive(connection, work) : this.#inTransaction(connection, work)),
          limit,
        ),
      limit,
    )
  }

  /** Why the server does not take a statement; `undefined` when it does. */
  async #refusal(sql: string): Promise<RowcastError | undefined> {
    try {
      await this.#withConnection((connection) => answered(connection.query({ sql }), PROBE_TIMEOUT_MS))
      return undefined
    } catch (error) {
      if (error instanceof RowcastError && error.code === 'DATABASE') return error
      throw error
    }
  }

  /** `undefined`: it was in vain. */
  async #exchange({ parameters, changes, acks }: HopefulExchange): Promise<readonly Row[] | undefined> {
    const work = () => single('exchange', parameters)
    try {
      const rows = await retryOnContention(() =>
        this.#withConnection((connection) => this.#inTransaction(connection, work, changes)),
      )
      return [...acks, ...rows]
    } catch (error) {
      if (error instanceof LeaseLost) return undefined
      throw error
    }
  }

  transaction<Result>(work: () => Work<Result>): Promise<Result> {
    return retryOnContention(() => this.#withConnection((connection) => this.#inTransaction(connection, work)))
  }

  async join<Result>(tx: unknown, work: () => Work<Result>): Promise<Result> {
    return this.#drive(await checkTransaction(tx), work)
  }

  /** DDL commits on its own here, so a named lock of the session stands in for a transaction. */
  exclusively<Result>(work: () => Work<Result>): Promise<Result> {
    return retryOnContention(() =>
      this.#withConnection(async (connection) => {
        const lock = await this.#lockName(connection)
        const taken = await ask(connection, 'select get_lock(?, ?) as answer', [lock, String(MIGRATION_WAIT_S)])
        if (Number(taken) !== 1) throw migrationLocked()
        try {
          return await this.#drive(connection, work)
        } finally {
          await ask(connection, 'select release_lock(?) as answer', [lock]).catch(() => undefined)
        }
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.own?.end()
  }

  /** Of a pool of the user's, only what is in use here. */
  destroy(): void {
    for (const connection of this.#lent) connection.destroy()
    this.#resources.own?.destroy()
  }

  /** Named locks belong to the server, not to a database. */
  async #lockName(connection: MysqlConnection): Promise<string> {
    const database = await ask(connection, 'select database() as answer', [])
    const address = JSON.stringify([database, this.dialect.relation('migrations')])
    return `rowcast_${createHash('sha256').update(address).digest('hex').slice(0, 40)}`
  }

  async #inTransaction<Result>(
    connection: PooledConnection,
    work: () => Work<Result>,
    changes?: ReadonlyMap<string, number>,
  ): Promise<Result> {
    if (this.#resources.own === undefined) await answered(connection.query({ sql: READ_COMMITTED }))
    if (this.#limitsIdle) return this.#transact(connection, work, changes)
    await answered(connection.query({ sql: LIMIT_IDLE }))
    try {
      return await this.#transact(connection, work, changes)
    } finally {
      // A session that keeps the limit is nobody's.
      await answered(connection.query({ sql: RESTORE_IDLE }), 1_000).catch(() => connection.destroy())
    }
  }

  async #transact<Result>(
    connection: MysqlConnection,
    work: () => Work<Result>,
    changes?: ReadonlyMap<string, number>,
  ): Promise<Result> {
    try {
      await answered(connection.query({ sql: 'start transaction' }))
      const result = await this.#drive(connection, work, changes)
      await answered(connection.query({ sql: 'commit' })).catch(asUnknown)
      return result
    } catch (error) {
      // On a broken connection there is nothing left to roll back.
      await atMost(1_000, handled(connection.query({ sql: 'rollback' }))).catch(() => undefined)
      throw error
    }
  }

  #drive<Result>(
    connection: MysqlConnection,
    work: () => Work<Result>,
    changes?: ReadonlyMap<string, number>,
  ): Promise<Result> {
    return drive(expand(this.#statements, work()), (prepared) =>
      query(connection, prepared, changes?.get(prepared.statement.name)),
    )
  }

  /** @param limit of what keeps leases: it passes the gate, and is given up in time */
  async #withConnection<Result>(
    work: (connection: PooledConnection) => Promise<Result>,
    limit?: TimeLimit,
  ): Promise<Result> {
    if (limit !== undefined) return this.#use(await this.#takeWithin(limit), work, limit)
    const entering = this.#gate.enter()
    if (entering !== undefined) await entering
    try {
      return await this.#use(await this.#take(), work)
    } finally {
      this.#gate.leave()
    }
  }

  #take(): Promise<PooledConnection> {
    const { pool, own } = this.#resources
    const connecting = pool.getConnection()
    const taking = own === undefined ? inTurn(NAME, connecting, (late) => late.release()) : connecting
    return taking.catch((error: unknown) => {
      throw translate(error)
    })
  }

  async #takeWithin(limit: TimeLimit): Promise<PooledConnection> {
    const taking = this.#take()
    try {
      return await withinLimit(NAME, taking, limit)
    } catch (error) {
      detach(taking.then((connection) => connection.release()))
      throw error
    }
  }

  async #use<Result>(
    connection: PooledConnection,
    work: (connection: PooledConnection) => Promise<Result>,
    limit?: TimeLimit,
  ): Promise<Result> {
    this.#lent.add(connection)
    try {
      const working = work(connection)
      const result = await (limit === undefined ? working : withinLimit(NAME, working, limit))
      connection.release()
      return result
    } catch (error) {
      const translated = translate(error)
      if (isBroken(translated)) connection.destroy()
      else connection.release()
      throw translated
    } finally {
      this.#lent.delete(connection)
    }
  }
}

/** A commit that the server was asked to end may have been done. */
function asUnknown(error: unknown): never {
  const translated = translate(error)
  if (!(translated instanceof EndedError)) throw translated
  throw new ConnectionError('MySQL ended a commit: whether it was done is not known', { cause: translated.cause })
}

/** Whether the server has hung up, as it also does on what is too large for it. */
function isBroken(error: unknown): boolean {
  return error instanceof ConnectionError || error instanceof PayloadError
}
