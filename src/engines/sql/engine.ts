import type {
  AppliedMigration,
  Backend,
  Engine,
  EngineContext,
  EngineName,
  EngineSource,
  Operator,
} from '../../engine.js'
import type { BackendName } from '../../options/options.js'
import { AbandonableDatabase } from './abandonable.js'
import type { SqlContext } from './context.js'
import type { DatabaseSource, SqlDatabase } from './database.js'
import { LeaseTokens } from './lease-tokens.js'
import { migrate } from './migrate.js'
import { openBackend } from './open-backend.js'
import { OPERATORS } from './operate/operators.js'
import { Returns } from './returns.js'
import { readClock } from './verbs/schema.js'

/** An engine on a database, for `EventChannel.open`. */
export function sqlEngine({ name, connect }: DatabaseSource): EngineSource {
  return { engine: name, connect: async (options) => new SqlEngine(await connect(options)) }
}

/** Carries events in the tables of a database, or by its notifications. */
class SqlEngine implements Engine {
  readonly #database: AbandonableDatabase
  readonly #returns = new Returns()
  readonly #tokens = new LeaseTokens()

  constructor(database: SqlDatabase) {
    this.#database = new AbandonableDatabase(database)
  }

  get name(): EngineName {
    return this.#database.dialect.name
  }

  get defaultBackend(): BackendName {
    return this.#database.listen === undefined ? 'queue' : 'notify'
  }

  now(): Promise<number> {
    return this.#database.run(readClock())
  }

  open(backend: BackendName, context: EngineContext): Promise<Backend> {
    return openBackend(backend, this.#contextOf(context))
  }

  operator(backend: BackendName, context: EngineContext): Operator {
    return OPERATORS[backend](this.#contextOf(context))
  }

  migrate(): Promise<readonly AppliedMigration[]> {
    return migrate(this.#database)
  }

  abandon(): void {
    this.#database.abandon()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]()
  }

  #contextOf(context: EngineContext): SqlContext {
    return { ...context, database: this.#database, returns: this.#returns, tokens: this.#tokens }
  }
}
