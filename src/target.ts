import type { AdapterSource } from './adapters/adapter.js'
import { ConfigurationError } from './errors.js'

/** What `EventChannel.open` opens. */
export type Target = string | URL | AdapterSource

type Loader = (url: string) => Promise<AdapterSource>

/** Each imports its driver only when a URL names it. */
const LOADERS: Readonly<Record<string, Loader>> = {
  postgres: async (url) => (await import('./adapters/postgres/index.js')).postgresUrl(url),
  postgresql: async (url) => (await import('./adapters/postgres/index.js')).postgresUrl(url),
  mysql: async (url) => (await import('./adapters/mysql/index.js')).mysqlUrl(url),
  mariadb: async (url) => (await import('./adapters/mysql/index.js')).mysqlUrl(url),
  sqlite: async (url) => (await import('./adapters/sqlite/index.js')).sqliteUrl(url),
}

/**
 * The database that `EventChannel.open` was pointed at.
 * @throws {ConfigurationError} when it is neither a URL of a known scheme nor an adapter; the URL is not repeated, since
 * it may hold a password
 */
export async function resolveTarget(given: Target): Promise<AdapterSource> {
  if (isSource(given)) return given
  // White space around a URL comes from the file or variable that it was read from.
  const target = given instanceof URL ? given.href : typeof given === 'string' ? given.trim() : undefined
  if (target === undefined) {
    throw new ConfigurationError(
      'EventChannel.open: the target is neither a URL nor an adapter: pass a URL, postgres({ pool }), mysql({ pool }) or sqlite({ database })',
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
function isSource(target: unknown): target is AdapterSource {
  const source = typeof target === 'object' && target !== null ? (target as Partial<AdapterSource>) : {}
  return typeof source.connect === 'function' && typeof source.adapter === 'string'
}
