import {
  ConfigurationError,
  ConnectionError,
  ContentionError,
  describe,
  RowcastError,
} from '../../../../common/errors.js'
import type { Logger } from '../../../../common/logger.js'
import { atMost, detach, handled } from '../../../../common/wait.js'
import type { Gate } from '../gate.js'
import { inTime, type TimeLimit, withinLimit } from '../in-time.js'
import type { Clients } from './clients.js'
import type { PooledClient } from './driver.js'
import { codeOf, translate } from './errors.js'
import { faultOf, isAltered, isInside, isRawPgpool } from './session.js'

const DENIED = '42501'
/** In a transaction that failed; those of ours end with their first error. */
const IN_FAILED_TRANSACTION = '25P02'
/** How many sessions in a row are found unfit before the pool is at fault. */
const UNFIT_AT_MOST = 20
/** Longest that a session which is about to be ended may take to say what is in between, in milliseconds. */
const ASK_MS = 1_000

/**
 * Lends connections whose sessions are fit for use. A session that is not is ended, which rolls back what it holds, and
 * another is taken; that is said once, since transactions of the application are lost.
 */
export class FitClients implements AsyncDisposable {
  readonly #clients: Clients
  readonly #gate: Gate
  readonly #logger: Logger
  #told = false

  constructor(clients: Clients, gate: Gate, logger: Logger) {
    this.#clients = clients
    this.#gate = gate
    this.#logger = logger
  }

  /**
   * Does work on a connection.
   * @param limit of what keeps leases: it passes the gate, and is given up in time
   * @throws {ConfigurationError} when the pool has no session that is fit
   * @throws {ConnectionError} also when the session turns out to have been used by others meanwhile
   * @throws {ContentionError} also when pgpool had begun a transaction around it, which is rolled back: it may be done again
   */
  async use<Result>(work: (client: PooledClient) => Promise<Result>, limit?: TimeLimit): Promise<Result> {
    if (limit !== undefined) return this.#lend(await this.#takeWithin(limit), work, limit)
    const entering = this.#gate.enter()
    if (entering !== undefined) await entering
    try {
      return await this.#lend(await this.#take(), work)
    } finally {
      this.#gate.leave()
    }
  }

  async #lend<Result>(
    client: PooledClient,
    work: (client: PooledClient) => Promise<Result>,
    limit?: TimeLimit,
  ): Promise<Result> {
    let broken: Error | undefined
    try {
      const working = this.#finish(client, work)
      return await (limit === undefined ? working : withinLimit('Postgres', working, limit))
    } catch (error) {
      const translated = await this.#explain(client, translate(error))
      if (isSpoilt(translated)) broken = translated
      else if (isInside(client)) broken = new ConnectionError('the session is in a transaction that is not ours')
      throw translated
    } finally {
      this.#clients.give(client, broken)
    }
  }

  /** Breaks every connection of ours at once. */
  destroy(): void {
    this.#clients.destroy()
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#clients[Symbol.asyncDispose]()
  }

  async #take(): Promise<PooledClient> {
    let fault: string | undefined
    for (let unfit = 0; unfit < UNFIT_AT_MOST; unfit++) {
      const client = await this.#takeAny()
      const found = faultOf(client, this.#clients.isOurs)
      fault = typeof found === 'object' ? await this.#answer(client, found) : found
      if (fault === undefined) return client
      this.#clients.give(client, this.#unfit(fault))
    }
    throw new ConfigurationError(
      `the pool has no connection that is fit for use: ${fault}, and so did the ${UNFIT_AT_MOST - 1} before it`,
    )
  }

  async #takeWithin(limit: TimeLimit): Promise<PooledClient> {
    const taking = this.#take()
    try {
      return await withinLimit('Postgres', taking, limit)
    } catch (error) {
      detach(taking.then((client) => this.#clients.give(client, undefined)))
      throw error
    }
  }

  async #takeAny(): Promise<PooledClient> {
    try {
      return await this.#clients.take()
    } catch (error) {
      throw translate(error)
    }
  }

  async #answer(client: PooledClient, looking: Promise<string | undefined>): Promise<string | undefined> {
    try {
      return await inTime('Postgres', looking)
    } catch (error) {
      const translated = translate(error)
      this.#clients.give(client, translated instanceof Error ? translated : new ConnectionError(describe(error)))
      throw translated
    }
  }

  #unfit(fault: string): ConnectionError {
    const message = `${fault}; the connection is ended, and what is not committed is rolled back: end transactions and reset settings before releasing a client`
    if (!this.#told) this.#logger.error(message)
    this.#told = true
    return new ConnectionError(message)
  }

  async #finish<Result>(client: PooledClient, work: (client: PooledClient) => Promise<Result>): Promise<Result> {
    const result = await work(client)
    if (isInside(client)) await this.#leaveTransaction(client)
    return result
  }

  /**
   * What was to stand by itself is in a transaction: of the application, and what becomes of it is not known; or one that pgpool
   * began, as it does once in a session. That is rolled back, so that the same can be done again.
   */
  async #leaveTransaction(client: PooledClient): Promise<never> {
    if (!(await atMost(ASK_MS, handled(isRawPgpool(client))).catch(() => false))) {
      throw this.#unfit('the application used a client after it had released it')
    }
    await inTime('Postgres', client.query({ text: 'rollback' }))
    throw new ContentionError('pgpool had begun a transaction: what was done in it is rolled back')
  }

  /** What a session refused for what was left behind in it, another may take. */
  async #explain(client: PooledClient, error: unknown): Promise<unknown> {
    if (!(error instanceof RowcastError) || this.#clients.isOurs) return error
    const code = codeOf(error.cause)
    if (code === IN_FAILED_TRANSACTION)
      return this.#unfit('a client came back to the pool inside a transaction that failed')
    if (code !== DENIED) return error
    const isOther = await atMost(1_000, handled(isAltered(client))).catch(() => false)
    return isOther
      ? this.#unfit(`a client came back to the pool with another role or row_security (${error.message})`)
      : error
  }
}

/**
 * Whether a connection may be of no use after such an error: it broke, or the server refused what it mostly takes, perhaps
 * for what was left behind on it.
 */
function isSpoilt(error: unknown): error is RowcastError {
  return error instanceof RowcastError && (error.code === 'CONNECTION' || error.code === 'DATABASE')
}
