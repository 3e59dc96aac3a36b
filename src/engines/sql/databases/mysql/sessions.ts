import { ConfigurationError, ConnectionError, PayloadError, RowcastError } from '../../../../common/errors.js'
import type { Logger } from '../../../../common/logger.js'
import { detach } from '../../../../common/wait.js'
import { type Gate, gateOf } from '../gate.js'
import { type TimeLimit, withinLimit } from '../in-time.js'
import { inTurn } from '../pool-turn.js'
import { breakOff, coreOf, type MysqlPool, type PooledConnection, poolCoreOf, poolSizeOf } from './driver.js'
import { errnoOf, translate } from './errors.js'
import type { Preparing } from './preparing.js'
import { NAME, ROLLBACK, Session } from './session.js'
import { meet } from './settings.js'

/** Somebody left tables locked, a global lock, or a distributed transaction open on the session: it takes nothing of ours. */
const OCCUPIED = new Set([1100, 1223, 1399])

/** The session was in a transaction of somebody else's; of ours nothing was done. Goes no further than database.ts. */
export class Occupied extends RowcastError {
  constructor(options?: ErrorOptions) {
    super('DATABASE', 'the session is in a transaction of somebody else', options)
  }
}

/** Pools of users' that were complained of: once each, however many objects share them. */
const toldOf = new WeakMap<object, Set<string>>()

/** Where statements get their sessions. One that somebody left in a transaction is never used, and never committed. */
export class Sessions {
  readonly isOwn: boolean
  readonly #pool: MysqlPool
  readonly #logger: Logger
  readonly #preparing: Preparing
  /** Connections of ours that are being set up: used only once they are. */
  readonly #gate: Gate
  readonly #lent = new Set<PooledConnection>()
  readonly #beingSetUp: WeakMap<object, Promise<void>>

  constructor(
    { pool, own, beingSetUp }: { pool: MysqlPool; own: object | undefined; beingSetUp: WeakMap<object, Promise<void>> },
    preparing: Preparing,
    logger: Logger,
  ) {
    this.isOwn = own !== undefined
    this.#pool = pool
    this.#beingSetUp = beingSetUp
    this.#preparing = preparing
    this.#logger = logger
    this.#gate = gateOf(poolCoreOf(pool), poolSizeOf(pool))
  }

  /**
   * Does work on a session; on another one where that turns out to be occupied.
   * @param limit of what keeps leases: it passes the gate, and is given up in time
   */
  async use<Result>(work: (session: Session) => Promise<Result>, limit?: TimeLimit): Promise<Result> {
    const most = (poolSizeOf(this.#pool) ?? 10) + 1
    for (let attempt = 1; ; attempt++) {
      try {
        return await (limit === undefined ? this.#useInTurn(work) : this.#useOne(work, limit))
      } catch (error) {
        if (!(error instanceof Occupied)) throw error
        this.tell(
          'occupied',
          'a connection came back to the pool inside a transaction, or with locked tables: its work is rolled back and it is closed (commit or roll back before release; completion_type must be NO_CHAIN)',
        )
        if (attempt === most) {
          throw new ConfigurationError(
            'mysql: every connection of the pool comes back inside a transaction: commit or roll back before release, and leave completion_type at NO_CHAIN',
            { cause: error.cause },
          )
        }
      }
    }
  }

  /** Closes what is in use here. */
  destroy(): void {
    for (const connection of this.#lent) connection.destroy()
  }

  /** Logs once for each pool of a user's. */
  tell(fault: string, message: string): void {
    const pool = poolCoreOf(this.#pool)
    const told = toldOf.get(pool) ?? new Set()
    toldOf.set(pool, told)
    if (told.has(fault)) return
    told.add(fault)
    this.#logger.error(message)
  }

  async #useInTurn<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    const entering = this.#gate.enter()
    if (entering !== undefined) await entering
    try {
      return await this.#useOne(work)
    } finally {
      this.#gate.leave()
    }
  }

  async #useOne<Result>(work: (session: Session) => Promise<Result>, limit?: TimeLimit): Promise<Result> {
    const connection = await (limit === undefined ? this.#take() : this.#takeWithin(limit))
    const session = new Session(connection, this.#preparing)
    this.#lent.add(connection)
    try {
      const working = this.isOwn ? work(session) : meet(session).then(() => work(session))
      const result = await (limit === undefined ? working : withinLimit(NAME, working, limit))
      connection.release()
      return result
    } catch (error) {
      const translated = asOccupied(translate(error))
      if (isSpoilt(translated)) breakOff(connection)
      else connection.release()
      throw translated
    } finally {
      this.#lent.delete(connection)
    }
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

  async #take(): Promise<PooledConnection> {
    const connecting = this.#pool.getConnection()
    const taking = this.isOwn ? connecting : inTurn(NAME, connecting, (late) => late.release())
    const connection = await taking.catch((error: unknown) => {
      throw translate(error)
    })
    const core = coreOf(connection)
    const setUp = this.#beingSetUp.get(core)
    if (setUp === undefined) return connection
    try {
      await setUp
      this.#beingSetUp.delete(core)
      return connection
    } catch (error) {
      breakOff(connection)
      throw translate(error)
    }
  }
}

/**
 * Undoes what was done in a transaction that is not ours, so that the same can be done elsewhere.
 * @throws {ConnectionError} when it is not known to be undone
 */
export async function undo(session: Session): Promise<void> {
  try {
    await session.command(ROLLBACK)
  } catch (cause) {
    if (cause instanceof ConnectionError) throw cause
    throw new ConnectionError('MySQL did not roll back a transaction that somebody left open on the session', { cause })
  }
}

function asOccupied(error: unknown): unknown {
  return error instanceof RowcastError && OCCUPIED.has(errnoOf(error.cause)) ? new Occupied({ cause: error }) : error
}

/** Whether the server has hung up, as it also does on what is too large for it; or the session is somebody else's. */
function isSpoilt(error: unknown): boolean {
  const isTooLarge = error instanceof PayloadError && error.cause !== undefined
  return error instanceof ConnectionError || isTooLarge || error instanceof Occupied
}
