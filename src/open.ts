import { ConfigurationError } from './common/errors.js'
import type { EngineSource } from './engine.js'

/** What `EventChannel.open` opens. */
export type Target = string | URL | EngineSource

type Loader = (url: string) => Promise<EngineSource>

/** Each imports its driver only when a URL names it. */
const LOADERS: Readonly<Record<string, Loader>> = {
  postgres: async (url) => (await import('./engines/sql/postgres.js')).postgresUrl(url),
  postgresql: async (url) => (await import('./engines/sql/postgres.js')).postgresUrl(url),
  mysql: async (url) => (await import('./engines/sql/mysql.js')).mysqlUrl(url),
  mariadb: async (url) => (await import('./engines/sql/mysql.js')).mysqlUrl(url),
  sqlite: async (url) => (await import('./engines/sql/sqlite.js')).sqliteUrl(url),
}

/**
 * The engine that `EventChannel.open` was pointed at.
 * @throws {ConfigurationError} when it is neither a URL of a known scheme nor an engine; the URL is not repeated, since
 * it may hold a password
 */
export async function resolveTarget(given: Target): Promise<EngineSource> {
  if (isSource(given)) return given
  // White space around a URL comes from the file or variable that it was read from.
  const target = given instanceof URL ? given.href : typeof given === 'string' ? given.trim() : undefined
  if (target === undefined) {
    throw new ConfigurationError(
      'EventChannel.open: the target is neither a URL nor an engine: pass a URL, postgres({ pool }), mysql({ pool }) or sqlite({ database })',
    )
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(target)?.[1]?.toLowerCase()
  const load = scheme === undefined ? undefined : LOADERS[scheme]
  if (load === undefined) {
    throw new ConfigurationError(
      `EventChannel.open: ${scheme === undefined ? 'the target is no URL' : `the scheme ${scheme}: is unknown`}: use one of ${Object.keys(LOADERS).join(', ')}`,
    )
  }
  return load(target)
}

/** A pool of the user's has a `connect`, too. */
function isSource(target: unknown): target is EngineSource {
  const source = typeof target === 'object' && target !== null ? (target as Partial<EngineSource>) : {}
  return typeof source.connect === 'function' && typeof source.engine === 'string'
}
