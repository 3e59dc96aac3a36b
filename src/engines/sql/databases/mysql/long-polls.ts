import type { Row } from '../../unit-of-work.js'
import { type MysqlPool, poolCoreOf, poolSizeOf } from './driver.js'
import type { Session } from './session.js'
import type { Sessions } from './sessions.js'

/** The part of a pool's connections that may wait at the server: all of its channel objects together have no more. */
const PART = 1 / 4
/** How many connections a pool is taken to have that does not say. */
const USUAL_SIZE = 10
/** A statement at any other level sees the rows of one moment, however long it waits. */
const READ_UNCOMMITTED = 'set transaction isolation level read uncommitted, read only'

const underWay = new WeakMap<object, number>()

/** Statements that wait at the server; each keeps a connection to itself meanwhile. */
export class LongPolls {
  readonly #pool: object
  readonly #sessions: Sessions
  readonly #most: number

  constructor(pool: MysqlPool, sessions: Sessions) {
    this.#pool = poolCoreOf(pool)
    this.#sessions = sessions
    this.#most = Math.floor((poolSizeOf(pool) ?? USUAL_SIZE) * PART)
  }

  /**
   * Its rows; `undefined` where no connection can be spared for it.
   * @param signal breaks the connection off
   */
  async run(
    poll: (session: Session) => Promise<readonly Row[]>,
    signal: AbortSignal,
  ): Promise<readonly Row[] | undefined> {
    const others = underWay.get(this.#pool) ?? 0
    if (others >= this.#most) return undefined
    underWay.set(this.#pool, others + 1)
    try {
      return await this.#sessions.use((session) => this.#poll(session, poll, signal))
    } finally {
      underWay.set(this.#pool, Number(underWay.get(this.#pool)) - 1)
    }
  }

  async #poll(
    session: Session,
    poll: (session: Session) => Promise<readonly Row[]>,
    signal: AbortSignal,
  ): Promise<readonly Row[] | undefined> {
    if (!this.#sessions.isOwn) await session.look()
    if (!session.commitsByItself || session.isInTransaction) return undefined
    if (signal.aborted) return undefined
    // At once: a pool that ends says goodbye on every connection that it still has.
    const breakOff = () => session.discard()
    signal.addEventListener('abort', breakOff)
    try {
      await session.command(READ_UNCOMMITTED)
      return await poll(session)
    } catch (error) {
      // The level may still be that of the next transaction, which is somebody else's.
      session.discard()
      throw error
    } finally {
      signal.removeEventListener('abort', breakOff)
    }
  }
}
