import type { AppliedMigration, Backend, Engine, EngineContext, EngineName, EngineSource } from '../../engine.js'
import type { BackendName } from '../../options/options.js'
import { AbandonableDatabase } from './abandonable.js'
import type { DatabaseSource, SqlDatabase } from './database.js'
import { migrate } from './migrate.js'
import { openBackend } from './open-backend.js'

/** An engine on a database, for `EventChannel.open`. */
export function sqlEngine({ name, connect }: DatabaseSource): EngineSource {
  return { engine: name, connect: async (options) => new SqlEngine(await connect(options)) }
}

/** Carries events in the tables of a database, or by its notifications. */
class SqlEngine implements Engine {
  readonly #database: AbandonableDatabase

  constructor(database: SqlDatabase) {
    this.#database = new AbandonableDatabase(database)
  }

  get name(): EngineName {
    return this.#database.dialect.name
  }

  get defaultBackend(): BackendName {
    return this.#database.listen === undefined ? 'queue' : 'notify'
  }

  async now(): Promise<number> {
    const [row] = await this.#database.run('now')
    return Number(row?.now_ms)
  }

  open(backend: BackendName, context: EngineContext): Promise<Backend> {
    return openBackend(backend, { ...context, database: this.#database })
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
}
