import { type DatabaseUrl, readHosts, readUrl, type UrlHost, type UrlParameters } from '../url.js'
import { readTls, type Way } from './tls.js'

/** A place to connect to, and how. */
export interface Address {
  readonly host: string | undefined
  readonly port: number | undefined
  readonly ssl: Way
}

/** What a URL says, in the words of `pg`. What it leaves out, the driver takes from `PG*` variables and `.pgpass`. */
export interface PostgresConfig {
  /** What all connections have in common. */
  readonly config: Readonly<Record<string, unknown>>
  /** To be tried in this order; one at least. */
  readonly addresses: readonly Address[]
  /** How many servers there are among them. */
  readonly hosts: number
}

const EXAMPLE = 'postgres://user:password@host:5432/database'
const HINTS: Readonly<Record<string, string>> = {
  schema: 'pass the option schema to EventChannel.open',
  connection_limit: 'the size of the pool is pool_size',
  max: 'the size of the pool is pool_size',
  pgbouncer: 'leave it out, poolers are recognised; pass the option listenUrl for the direct address',
  hostaddr: 'write the address as the host',
  service: 'service files are not read; write host, user and database',
  passfile: 'set PGPASSFILE in the environment',
}
/** How long a connection attempt may take, in seconds, where the URL does not say. */
const CONNECT_TIMEOUT_S = 5
/** What attempts at several addresses may take together, in milliseconds: opening waits for ten seconds. */
const CONNECT_ALL_MS = 9_000
const MAX_TIMER_S = 2_147_483

/**
 * Reads a URL with the parameters that libpq and `pg` have in common.
 * @param what how messages call it
 * @throws {ConfigurationError} for a part that cannot be read, a parameter that is unknown, and what cannot be had
 */
export function readPostgresUrl(what: string, text: string, environment = process.env): PostgresConfig {
  const url = readUrl(what, text, EXAMPLE)
  const { parameters } = url
  const hosts = hostsOf(what, url)
  const ways = readTls(parameters, environment)
  const seconds = parameters.whole('connect_timeout', 1, MAX_TIMER_S)
  const config = {
    user: parameters.text('user') ?? url.user,
    password: parameters.text('password') ?? url.password,
    database: parameters.text('dbname') ?? url.database,
    application_name: parameters.text('application_name'),
    options: parameters.text('options'),
    max: parameters.whole('pool_size', 1, 10_000),
    connectionTimeoutMillis: (seconds ?? CONNECT_TIMEOUT_S) * 1_000,
    keepAlive: parameters.whole('keepalives', 0, 1) !== 0,
    keepAliveInitialDelayMillis: (parameters.whole('keepalives_idle', 0, MAX_TIMER_S) ?? 0) * 1_000,
    sslnegotiation: parameters.oneOf('sslnegotiation', ['postgres', 'direct']),
    enableChannelBinding: wantsChannelBinding(parameters),
    statement_timeout: parameters.whole('statement_timeout', 0, MAX_TIMER_S * 1_000),
    lock_timeout: parameters.whole('lock_timeout', 0, MAX_TIMER_S * 1_000),
  }
  parameters.oneOf('target_session_attrs', ['any', 'read-write', 'primary'])
  parameters.oneOf('client_encoding', ['utf8', 'UTF8', 'auto'])
  parameters.oneOf('gssencmode', ['disable', 'prefer'])
  parameters.refuseRest(HINTS)
  const addresses = hosts.flatMap((each) => waysTo(each, ways))
  if (seconds === undefined && addresses.length > 1) {
    config.connectionTimeoutMillis = Math.min(CONNECT_TIMEOUT_S * 1_000, Math.floor(CONNECT_ALL_MS / addresses.length))
  }
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))
  return { config: given, addresses, hosts: hosts.length }
}

/** Hosts may stand in the parameters, too, which is how a socket's folder is written. */
function hostsOf(what: string, { hosts, parameters }: DatabaseUrl): readonly UrlHost[] {
  const names = parameters.text('host')?.split(',')
  const ports = parameters.text('port')?.split(',')
  if (names === undefined && ports === undefined) return hosts
  const base = names?.map((host) => ({ host, port: hosts[0]?.port })) ?? hosts
  if (names !== undefined && hosts.some(({ host }) => host !== undefined)) {
    parameters.refuse('host', 'and the host before the path are both there: name it once')
  }
  if (ports !== undefined && ports.length !== 1 && ports.length !== base.length) {
    parameters.refuse('port', 'must be one for all hosts, or one for each')
  }
  return base.map(({ host, port }, index) => {
    const own = ports?.[index] ?? ports?.[0]
    return { host, port: own === undefined ? port : readHosts(what, `:${own}`, EXAMPLE)[0]?.port }
  })
}

/** A socket has no TLS, as for libpq. */
function waysTo({ host, port }: UrlHost, ways: readonly Way[]): readonly Address[] {
  return host?.startsWith('/') ? [{ host, port, ssl: false }] : ways.map((ssl) => ({ host, port, ssl }))
}

/** The driver uses it where the server offers it. */
function wantsChannelBinding(parameters: UrlParameters): boolean {
  const wanted = parameters.oneOf('channel_binding', ['disable', 'prefer', 'require'])
  return wanted !== undefined && wanted !== 'disable'
}
