import { codeOf } from './errors.js'
import type { ListenConfig } from './listen-connection.js'

/** A LISTEN connection is idle by nature; a limit of the role or the server for idle sessions must not end it. */
const NO_IDLE_LIMIT = '-c idle_session_timeout=0'
/** SQLSTATE classes that have nothing to do with settings: no connection, login, database, resources, shutdown. */
const NOT_FOR_ITS_SETTINGS = /^(08(?!P)|28|3D|53|57)/

/**
 * The same session without a limit on being idle. A server before Postgres 14 does not know the setting, and most poolers
 * let no setting pass: both refuse the connection.
 */
export function withoutIdleLimit(config: ListenConfig): ListenConfig {
  // The driver reads the variable only where nothing else gives options.
  const given = config.options ?? process.env.PGOPTIONS
  return { ...config, options: given === undefined ? NO_IDLE_LIMIT : `${String(given)} ${NO_IDLE_LIMIT}` }
}

/** Whether the server refused a connection for the settings that it was to begin with. */
export function isForSettings(error: unknown): boolean {
  const code = codeOf(error instanceof Error ? error.cause : undefined)
  return /^[0-9A-Z]{5}$/.test(code) && !NOT_FOR_ITS_SETTINGS.test(code)
}
