import { createHash } from 'node:crypto'
import { ConnectionError, ContentionError, UnsupportedError } from '../../../../common/errors.js'
import { atMost, handled } from '../../../../common/wait.js'
import type { EngineOptions } from '../../../../engine.js'
import type { NotificationHandlers, NotificationListener, SqlDatabase } from '../../database.js'
import { bind, Statements } from '../../statements.js'
import type { NamedVerb, Question, Row, Work } from '../../unit-of-work.js'
import { broadcastOne } from '../../verbs/notify.js'
import { findPolicies } from '../../verbs/schema.js'
import {
  drive,
  expand,
  MIGRATION_WAIT_S,
  migrationLocked,
  type Prepared,
  retryOnContention,
  single,
} from '../execute.js'
import { gateOf } from '../gate.js'
import { ANSWER_LIMIT_MS, inTime, TimeLimit } from '../in-time.js'
import { PROBE_TIMEOUT_MS } from '../opening.js'
import { KeptClients, type OwnPool, SharedClients } from './clients.js'
import { type PostgresDialect, postgresDialect } from './dialect.js'
import { type ClientPool, checkTransaction, type PostgresClient, type QueryConfig } from './driver.js'
import { holdsEveryText } from './encoding.js'
import { codeOf, translate } from './errors.js'
import { FitClients } from './fit-clients.js'
import { TEXT_ONLY } from './known-statement.js'
import { type ListenConfig, PostgresListener } from './listener.js'
import { Queries } from './queries.js'
import { checkPolicies } from './row-security.js'

const PROBE = {
  text: `select pg_backend_pid() as pid, current_setting('server_encoding') as encoding,
    current_setting('server_version_num') as version`,
  types: TEXT_ONLY,
}
/** An older one reads whole tables to find what a publish that broke off has stored. */
const OLDEST_VERSION = 130_000
/**
 * After this long without a statement the server ends a transaction of ours: its process stands still, and would keep
 * others from the rows that it locked.
 */
const STANDSTILL = '5s'
/** Read committed, whatever the session's default: what a lock was waited for is read as it is then. */
const BEGIN = {
  text: `begin isolation level read committed; set local idle_in_transaction_session_timeout = '${STANDSTILL}'`,
}
const COMMIT = { text: 'commit' }
const ROLLBACK = { text: 'rollback' }
/** A transaction at a higher level than read committed met a change that was made meanwhile. */
const SERIALIZATION_FAILURE = '40001'
export interface PostgresResources {
  readonly pool: ClientPool
  /** Ends the pool; absent when the pool is the user's. */
  readonly own: OwnPool | undefined
  /** How to reach the server for LISTEN; absent when nothing says. */
  readonly listenConfig: ListenConfig | undefined
}

export class Postgres implements SqlDatabase {
  readonly dialect: PostgresDialect
  readonly #statements: Statements
  readonly #clients: FitClients
  readonly #queries: Queries
  readonly #resources: PostgresResources
  readonly #options: EngineOptions

  get poolSize(): number | undefined {
    return this.#resources.pool.options?.max
  }

  constructor(resources: PostgresResources, options: EngineOptions) {
    this.dialect = postgresDialect(options.schema)
    this.#statements = new Statements(this.dialect)
    this.#resources = resources
    this.#options = options
    this.#queries = new Queries(options.logger)
    const { pool, own } = resources
    const clients = own === undefined ? new SharedClients(pool) : new KeptClients(pool, own)
    this.#clients = new FitClients(clients, gateOf(pool, this.poolSize), options.logger)
  }

  /**
   * Asks for the version, and looks whether the pool's connections reach the server itself: a pooler in between hands out sessions that are not
   * ours, so that named prepared statements would meet strangers. It also makes up process ids, which gives it away.
   * @throws {UnsupportedError} when the server is too old
   */
  async probe(): Promise<void> {
    await this.#clients.use(async (client) => {
      const { rows } = await answered(client.query(PROBE), PROBE_TIMEOUT_MS)
      const version = Number(rows[0]?.version)
      if (version < OLDEST_VERSION) {
        throw new UnsupportedError(`this server is PostgreSQL ${Math.floor(version / 10_000)}: use 13 or later`)
      }
      this.#queries.named = client.processID !== undefined && Number(rows[0]?.pid) === client.processID
      this.#queries.escapes = !holdsEveryText(rows[0]?.encoding)
    })
  }

  async checkTables(): Promise<void> {
    const { schema, logger } = this.#options
    checkPolicies(await this.run(findPolicies(schema)), logger)
  }

  has({ verb }: NamedVerb): boolean {
    return this.#statements.has(verb)
  }

  async run<Answer>(question: Question<Answer>, withinMs?: number): Promise<Answer> {
    const [statement, ...more] = this.#statements.get(question.verb)
    const isOne = statement !== undefined && more.length === 0
    const limit = withinMs === undefined ? undefined : new TimeLimit(withinMs)
    const rows = isOne
      ? await this.#runOne({ statement, values: bind(statement, question.parameters) }, limit)
      : await this.transaction(() => single(question))
    return question.read(rows)
  }

  transaction<Result>(work: () => Work<Result>): Promise<Result> {
    return retryOnContention(() => this.#inTransaction((client) => this.#drive(client, work)))
  }

  async join<Result>(tx: unknown, work: () => Work<Result>): Promise<Result> {
    const client = checkTransaction(tx)
    // The driver's own limit takes back what still waits for its turn, so that it is not stored after it was given up.
    const query = (config: QueryConfig) => client.query({ ...config, query_timeout: ANSWER_LIMIT_MS })
    // A statement gets no name: where the handle comes from, its sessions may be those of a pooler, or forget.
    return this.#drive({ query }, work, false)
  }

  exclusively<Result>(work: () => Work<Result>): Promise<Result> {
    const key = createHash('sha256').update(this.dialect.relation('migrations')).digest().readBigInt64BE()
    return retryOnContention(() =>
      this.#inTransaction(async (client) => {
        await takeMigrationLock(client, String(key))
        for (const text of this.dialect.preambleUnless(await this.#hasSchema(client))) await client.query({ text })
        return this.#drive(client, work)
      }),
    )
  }

  listen(handlers: NotificationHandlers): NotificationListener {
    return new PostgresListener(this.#resources.listenConfig, {
      ...handlers,
      notify: (topic, payload) => this.#notify(topic, payload),
      logger: this.#options.logger,
    })
  }

  destroy(): void {
    this.#clients.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clients[Symbol.asyncDispose]()
  }

  /** One statement is a transaction by itself. */
  #runOne(prepared: Prepared, limit: TimeLimit | undefined): Promise<readonly Row[]> {
    let alone = true
    return retryOnContention(async () => {
      try {
        const query = (client: PostgresClient) => this.#queries.run(client, prepared)
        return await (alone ? this.#clients.use(query, limit) : this.#inTransaction(query, limit))
      } catch (error) {
        // The session's default is a higher level, under which it may fail again and again.
        if (error instanceof ContentionError && codeOf(error.cause) === SERIALIZATION_FAILURE) alone = false
        throw error
      }
    }, limit)
  }

  #drive<Result>(client: PostgresClient, work: () => Work<Result>, mayName = true): Promise<Result> {
    return drive(expand(this.#statements, work()), (prepared) => this.#queries.run(client, prepared, mayName))
  }

  async #notify(topic: string, payload: string): Promise<void> {
    await this.run(broadcastOne(topic, payload))
  }

  async #hasSchema(client: PostgresClient): Promise<boolean> {
    const { rows } = await client.query({
      text: 'select from pg_namespace where nspname = $1',
      values: [this.#options.schema],
    })
    return rows.length > 0
  }

  #inTransaction<Result>(work: (client: PostgresClient) => Promise<Result>, limit?: TimeLimit): Promise<Result> {
    return this.#clients.use(async (client) => {
      try {
        await answered(client.query(BEGIN))
        const result = await work(client)
        const { command } = await answered(client.query(COMMIT))
        // So the server answers where another statement on this client failed meanwhile.
        if (command === 'ROLLBACK') {
          throw new ConnectionError('nothing was committed: the application used a client after it had released it')
        }
        return result
      } catch (error) {
        // On a broken connection there is nothing left to roll back.
        await atMost(1_000, handled(client.query(ROLLBACK))).catch(() => undefined)
        throw error
      }
    }, limit)
  }
}

function answered<Answer>(work: Promise<Answer>, limitMs?: number): Promise<Answer> {
  return inTime('Postgres', work, limitMs)
}

/** Held until the transaction ends. */
async function takeMigrationLock(client: PostgresClient, key: string): Promise<void> {
  await client.query({ text: `set local lock_timeout = '${MIGRATION_WAIT_S}s'` })
  try {
    await client.query({ text: 'select pg_advisory_xact_lock($1)', values: [key] })
  } catch (error) {
    const translated = translate(error)
    throw translated instanceof ContentionError ? migrationLocked(translated) : translated
  }
  await client.query({ text: 'set local lock_timeout to default' })
}
