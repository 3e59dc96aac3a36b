import type { EngineContext } from '../../engine.js'
import type { SqlDatabase } from './database.js'

/** What every backend on a database is made from. */
export interface SqlContext extends EngineContext {
  readonly database: SqlDatabase
}
