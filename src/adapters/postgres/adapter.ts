import { createHash } from 'node:crypto'
import { ContentionError, RowcastError } from '../../errors.js'
import { bind, type Parameters, type Statement, Statements } from '../../statements.js'
import { atMost, handled } from '../../wait.js'
import type { Adapter, ConnectOptions, NotificationHandlers, NotificationListener, Row, Work } from '../adapter.js'
import {
  drive,
  expand,
  MIGRATION_WAIT_S,
  migrationLocked,
  type Prepared,
  retryOnContention,
  single,
} from '../execute.js'
import { ANSWER_LIMIT_MS, inTime } from '../in-time.js'
import { PROBE_TIMEOUT_MS } from '../opening.js'
import { type Clients, KeptClients, SharedClients } from './clients.js'
import { type PostgresDialect, postgresDialect } from './dialect.js'
import { type ClientPool, checkTransaction, type PooledClient, type PostgresClient } from './driver.js'
import { translate } from './errors.js'
import { KnownStatement, TEXT_ONLY } from './known-statement.js'
import { type ListenConfig, PostgresListener } from './listener.js'

const PROBE = { text: 'select pg_backend_pid() as pid', types: TEXT_ONLY }
/**
 * After this long without a statement the server ends a transaction of ours: its process stands still, and would keep
 * others from the rows that it locked.
 */
const STANDSTILL = '5s'
const BEGIN = { text: `begin; set local idle_in_transaction_session_timeout = '${STANDSTILL}'` }
const COMMIT = { text: 'commit' }
const ROLLBACK = { text: 'rollback' }

export interface PostgresResources {
  readonly pool: ClientPool
  /** Ends the pool; absent when the pool is the user's. */
  readonly end?: () => Promise<void>
  /** How to reach the server for LISTEN; absent when nothing says. */
  readonly listenConfig: ListenConfig | undefined
}

export class PostgresAdapter implements Adapter {
  readonly dialect: PostgresDialect
  readonly #statements: Statements
  readonly #clients: Clients
  readonly #resources: PostgresResources
  readonly #options: ConnectOptions
  readonly #known = new Map<string, KnownStatement>()
  #direct = false

  get poolSize(): number | undefined {
    return this.#resources.pool.options?.max
  }

  constructor(resources: PostgresResources, options: ConnectOptions) {
    this.dialect = postgresDialect(options.schema)
    this.#statements = new Statements(this.dialect)
    this.#resources = resources
    this.#options = options
    this.#clients =
      resources.end === undefined ? new SharedClients(resources.pool) : new KeptClients(resources.pool, resources.end)
  }

  /**
   * Looks whether the pool's connections reach the server itself: a pooler in between hands out sessions that are not
   * ours, so that named prepared statements would meet strangers. It also makes up process ids, which gives it away.
   */
  async probe(): Promise<void> {
    await this.#withClient(async (client) => {
      const { rows } = await answered(client.query(PROBE), PROBE_TIMEOUT_MS)
      this.#direct = client.processID !== undefined && Number(rows[0]?.pid) === client.processID
    })
  }

  has(verb: string): boolean {
    return this.#statements.has(verb)
  }

  run<R extends Row>(verb: string, parameters: Parameters = {}): Promise<readonly R[]> {
    const [statement, ...more] = this.#statements.get(verb)
    const running =
      statement === undefined || more.length > 0
        ? this.transaction(() => single(verb, parameters))
        : retryOnContention(() =>
            this.#withClient((client) => this.#query(client, { statement, values: bind(statement, parameters) })),
          )
    return running as Promise<readonly R[]>
  }

  transaction<Result>(work: () => Work<Result>): Promise<Result> {
    return retryOnContention(() => this.#inTransaction((client) => this.#drive(client, work)))
  }

  async join<Result>(tx: unknown, work: () => Work<Result>): Promise<Result> {
    const client = checkTransaction(tx)
    // The driver's own limit takes back what still waits for its turn, so that it is not stored after it was given up.
    return this.#drive({ query: (config) => client.query({ ...config, query_timeout: ANSWER_LIMIT_MS }) }, work)
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clients[Symbol.asyncDispose]()
  }

  #drive<Result>(client: PostgresClient, work: () => Work<Result>): Promise<Result> {
    return drive(expand(this.#statements, work()), (prepared) => this.#query(client, prepared))
  }

  async #notify(topic: string, payload: string): Promise<void> {
    await this.run('broadcast_one', { topics: topic, notifications: payload })
  }

  async #hasSchema(client: PostgresClient): Promise<boolean> {
    const { rows } = await client.query({
      text: 'select from pg_namespace where nspname = $1',
      values: [this.#options.schema],
    })
    return rows.length > 0
  }

  async #query(client: PostgresClient, { statement, values }: Prepared): Promise<readonly Row[]> {
    const known = this.#knownOf(statement)
    const query = known.query(values, this.#direct && statement.name !== 'migration')
    const startedMs = performance.now()
    try {
      const { rows } = await answered(client.query(query))
      known.note(query, performance.now() - startedMs)
      return rows
    } catch (error) {
      throw translate(error)
    }
  }

  #knownOf(statement: Statement): KnownStatement {
    let known = this.#known.get(statement.text)
    if (known === undefined) {
      known = new KnownStatement(statement)
      this.#known.set(statement.text, known)
    }
    return known
  }

  #inTransaction<Result>(work: (client: PostgresClient) => Promise<Result>): Promise<Result> {
    return this.#withClient(async (client) => {
      try {
        await answered(client.query(BEGIN))
        const result = await work(client)
        await answered(client.query(COMMIT))
        return result
      } catch (error) {
        // On a broken connection there is nothing left to roll back.
        await atMost(1_000, handled(client.query(ROLLBACK))).catch(() => undefined)
        throw error
      }
    })
  }

  async #withClient<Result>(work: (client: PooledClient) => Promise<Result>): Promise<Result> {
    const client = await this.#take()
    let broken: Error | undefined
    try {
      return await work(client)
    } catch (error) {
      const translated = translate(error)
      if (isSpoilt(translated)) broken = translated
      throw translated
    } finally {
      this.#clients.give(client, broken)
    }
  }

  async #take(): Promise<PooledClient> {
    try {
      return await this.#clients.take()
    } catch (error) {
      throw translate(error)
    }
  }
}

function answered<Answer>(work: Promise<Answer>, limitMs?: number): Promise<Answer> {
  return inTime('Postgres', work, limitMs)
}

/**
 * Whether a connection may be of no use after such an error: it broke, or the server refused what it mostly takes, perhaps
 * for what somebody left behind on it (a failed transaction, statements that are not prepared any more).
 */
function isSpoilt(error: unknown): error is RowcastError {
  return error instanceof RowcastError && (error.code === 'CONNECTION' || error.code === 'DATABASE')
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
