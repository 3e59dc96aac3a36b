import { DatabaseClock } from './common/clock.js'
import { ConfigurationError } from './common/errors.js'
import { Telemetry } from './common/telemetry.js'
import type { Backend, Engine, EngineContext, EngineSource, Operator } from './engine.js'
import type { ChannelOptions } from './options/options.js'
import { resolveChannelOptions } from './options/resolve.js'

/** What `EventChannel.open` opens. */
export type Target = string | URL | EngineSource

/** An engine with its backend open, and what both are made from. */
export interface Opened extends EngineContext {
  readonly engine: Engine
  readonly backend: Backend
  readonly operator: Operator
}

type Loader = (url: string) => Promise<EngineSource>

/** Each imports its driver only when a URL names it. */
const LOADERS: Readonly<Record<string, Loader>> = {
  postgres: async (url) => (await import('./engines/sql/postgres.js')).postgresUrl(url),
  postgresql: async (url) => (await import('./engines/sql/postgres.js')).postgresUrl(url),
  mysql: async (url) => (await import('./engines/sql/mysql.js')).mysqlUrl(url),
  mariadb: async (url) => (await import('./engines/sql/mysql.js')).mysqlUrl(url),
  sqlite: async (url) => (await import('./engines/sql/sqlite.js')).sqliteUrl(url),
}

/** Connects to what `EventChannel.open` was pointed at, and opens the backend. */
export async function openEngine(target: Target, given: ChannelOptions): Promise<Opened> {
  const options = resolveChannelOptions(given)
  const engine = await (await resolveTarget(target)).connect(options)
  try {
    const clock = new DatabaseClock()
    const context = { clock, telemetry: new Telemetry(clock), options }
    clock.observe(await engine.now())
    const backend = await engine.open(options.backend ?? engine.defaultBackend, context)
    return { engine, backend, operator: engine.operator(backend.name, context), ...context }
  } catch (error) {
    await engine[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * The engine that a target names.
 * @throws {ConfigurationError} when it is neither a URL of a known scheme nor an engine; the URL is not repeated, since
 * it may hold a password
 */
export async function resolveTarget(given: Target): Promise<EngineSource> {
  if (isSource(given)) return given
  // White space around a URL comes from the file or variable that it was read from.
  const target = given instanceof URL ? textOf(given) : typeof given === 'string' ? given.trim() : undefined
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

/** A file is called as its URL says when it is a text; a `URL` has encoded what is special in its path. */
function textOf({ protocol, href }: URL): string {
  if (protocol !== 'sqlite:') return href
  try {
    return decodeURIComponent(href)
  } catch {
    // A % that encodes nothing is one.
    return href
  }
}

/** A pool of the user's has a `connect`, too. */
function isSource(target: unknown): target is EngineSource {
  const source = typeof target === 'object' && target !== null ? (target as Partial<EngineSource>) : {}
  return typeof source.connect === 'function' && typeof source.engine === 'string'
}
