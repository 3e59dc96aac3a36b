import { createHash } from 'node:crypto'
import { ContentionError, UnsupportedError } from '../../errors.js'
import { type Parameters, Statements } from '../../statements.js'
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
import { PROBE_TIMEOUT_MS } from '../opening.js'
import { type PostgresDialect, postgresDialect } from './dialect.js'
import { checkTransaction, type PooledClient, type PostgresClient, type PostgresPool } from './driver.js'
import { translate } from './errors.js'
import { type ListenConfig, openListener } from './listener.js'

/** After this long without an answer a connection counts as broken, in milliseconds. */
const QUERY_TIMEOUT_MS = 30_000
/** Every column arrives as text: a user's pool may have type parsers of its own. */
const TEXT_ONLY = { getTypeParser: () => (text: string) => text }
const PROBE = { text: 'select pg_backend_pid() as pid', types: TEXT_ONLY, query_timeout: PROBE_TIMEOUT_MS }
/**
 * A prepared statement that twice in a row takes longer than this is planned each time for a while after, in milliseconds. Postgres keeps
 * a plan that it made while a table was nearly empty, and reads all of it with that plan once it is long (measured on
 * 100 000 events after a quiet time: a twelfth of the speed). Planning costs half a millisecond, which is little beside a
 * statement that takes long and much beside one that does not. The first executions say nothing: they open connections,
 * and no plan is kept before the sixth.
 */
const LONG_MS = 20
const PLAN_ANEW_MS = 10_000
const FIRST_EXECUTIONS = 10
const BEGIN = { text: 'begin', query_timeout: QUERY_TIMEOUT_MS }
const COMMIT = { text: 'commit', query_timeout: QUERY_TIMEOUT_MS }
const ROLLBACK = { text: 'rollback' }

/** What is known of a statement. */
class History {
  readonly preparedName: string
  #plannedAnewUntilMs = 0
  #executions = 0
  #longOnes = 0

  constructor(preparedName: string) {
    this.preparedName = preparedName
  }

  get isPlannedAnew(): boolean {
    return performance.now() < this.#plannedAnewUntilMs
  }

  /** An execution took so long. One long one may be a busy disk; a plan that does not fit makes all of them long. */
  note(tookMs: number): void {
    this.#longOnes = tookMs > LONG_MS ? this.#longOnes + 1 : 0
    if (++this.#executions > FIRST_EXECUTIONS && this.#longOnes > 1) {
      this.#plannedAnewUntilMs = performance.now() + PLAN_ANEW_MS
    }
  }
}

export interface PostgresResources {
  readonly pool: PostgresPool
  /** Ends the pool; absent when the pool is the user's. */
  readonly end?: () => Promise<void>
  /** How to reach the server for LISTEN; absent when nothing says. */
  readonly listenConfig: ListenConfig | undefined
}

export class PostgresAdapter implements Adapter {
  readonly dialect: PostgresDialect
  readonly #statements: Statements
  readonly #resources: PostgresResources
  readonly #options: ConnectOptions
  readonly #histories = new Map<string, History>()
  #direct = false

  get poolSize(): number | undefined {
    return this.#resources.pool.options?.max
  }

  constructor(resources: PostgresResources, options: ConnectOptions) {
    this.dialect = postgresDialect(options.schema)
    this.#statements = new Statements(this.dialect)
    this.#resources = resources
    this.#options = options
    resources.pool.on?.('connect', watchErrors)
  }

  /**
   * Looks whether the pool's connections reach the server itself: a pooler in between hands out sessions that are not
   * ours, so that named prepared statements would meet strangers. It also makes up process ids, which gives it away.
   */
  async probe(): Promise<void> {
    await this.#withClient(async (client) => {
      const { rows } = await client.query(PROBE)
      this.#direct = client.processID !== undefined && Number(rows[0]?.pid) === client.processID
    })
  }

  run<R extends Row>(verb: string, parameters: Parameters = {}): Promise<readonly R[]> {
    return retryOnContention(async () => {
      const rows = await drive(expand(this.#statements, single(verb, parameters)), (prepared) =>
        this.#query(this.#resources.pool, prepared),
      )
      return rows as readonly R[]
    })
  }

  transaction<Result>(work: () => Work<Result>): Promise<Result> {
    return retryOnContention(() => this.#inTransaction((client) => this.#drive(client, work)))
  }

  async join<Result>(tx: unknown, work: () => Work<Result>): Promise<Result> {
    return this.#drive(checkTransaction(tx), work)
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

  listen(handlers: NotificationHandlers): Promise<NotificationListener> {
    const config = this.#resources.listenConfig
    if (config === undefined) {
      throw new UnsupportedError('this pool does not say how to reach its server for LISTEN: pass listenUrl')
    }
    return openListener(
      { ...config, application_name: `${this.#options.serviceName} listen`.slice(0, 63) },
      { ...handlers, notify: (topic, payload) => this.#notify(topic, payload), logger: this.#options.logger },
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#resources.pool.off?.('connect', watchErrors)
    await this.#resources.end?.()
  }

  #drive<Result>(client: PostgresClient, work: () => Work<Result>): Promise<Result> {
    return drive(expand(this.#statements, work()), (prepared) => this.#query(client, prepared))
  }

  async #notify(topic: string, payload: string): Promise<void> {
    await this.run('broadcast_one', { topics: topic, envelopes: payload })
  }

  async #hasSchema(client: PostgresClient): Promise<boolean> {
    const { rows } = await client.query({
      text: 'select from pg_namespace where nspname = $1',
      values: [this.#options.schema],
    })
    return rows.length > 0
  }

  async #query(client: PostgresClient, { statement, values }: Prepared): Promise<readonly Row[]> {
    const config = { text: statement.text, values: [...values], types: TEXT_ONLY, query_timeout: QUERY_TIMEOUT_MS }
    const history = this.#historyOf(statement)
    const startedMs = performance.now()
    const named = this.#direct && statement.name !== 'migration' && !history.isPlannedAnew
    try {
      const { rows } = await client.query(named ? { ...config, name: history.preparedName } : config)
      history.note(performance.now() - startedMs)
      return rows
    } catch (error) {
      throw translate(error)
    }
  }

  /** Prepared statements belong to a session, which two schemas or two versions of rowcast may share. */
  #historyOf({ name, text }: { name: string; text: string }): History {
    let history = this.#histories.get(name)
    if (history === undefined) {
      const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
      history = new History(`rowcast_${name}_${digest}`)
      this.#histories.set(name, history)
    }
    return history
  }

  #inTransaction<Result>(work: (client: PostgresClient) => Promise<Result>): Promise<Result> {
    return this.#withClient(async (client) => {
      await client.query(BEGIN)
      try {
        const result = await work(client)
        await client.query(COMMIT)
        return result
      } catch (error) {
        // On a broken connection there is nothing left to roll back.
        await atMost(1_000, handled(client.query(ROLLBACK))).catch(() => undefined)
        throw error
      }
    })
  }

  async #withClient<Result>(work: (client: PooledClient) => Promise<Result>): Promise<Result> {
    const client = await this.#resources.pool.connect().catch((error: unknown) => {
      throw translate(error)
    })
    let broken: Error | undefined
    const onError = (error: Error) => {
      broken = error
    }
    client.on('error', onError)
    try {
      return await work(client)
    } catch (error) {
      const translated = translate(error)
      if (translated instanceof Error && 'code' in translated && translated.code === 'CONNECTION') broken ??= translated
      throw translated
    } finally {
      client.off('error', onError)
      client.release(broken)
    }
  }
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

/**
 * A connection may break in the very packet that says it is ready, before whoever asked for it can listen, or when it was
 * given up already; an error that nobody listens to ends the process. Who uses the connection hears of it in any case.
 */
function watchErrors(client: Pick<PooledClient, 'on'>): void {
  client.on('error', () => undefined)
}
