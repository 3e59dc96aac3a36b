import type { EngineContext } from '../../engine.js'
import type { SqlDatabase } from './database.js'
import type { LeaseTokens } from './lease-tokens.js'
import type { Returns } from './returns.js'

/** What every backend on a database is made from. */
export interface SqlContext extends EngineContext {
  readonly database: SqlDatabase
  readonly returns: Returns
  readonly tokens: LeaseTokens
}
