import { isIP } from 'node:net'
import { ConfigurationError } from '../../../../common/errors.js'
import { readTlsFiles, type TlsFiles } from '../tls-files.js'
import { type DatabaseUrl, readUrl, type UrlParameters } from '../url.js'

/** What `mysql2` takes for TLS; `undefined` is plain text. */
export type Way = (TlsFiles & { readonly rejectUnauthorized: boolean; readonly verifyIdentity: boolean }) | undefined

/** What a URL says, in the words of `mysql2`. */
export interface MysqlConfig {
  readonly config: Readonly<Record<string, unknown>>
  /** The ways to secure the connection, to be tried in this order; one at least. */
  readonly ways: readonly Way[]
}

const WHAT = 'the URL'
const EXAMPLE = 'mysql://user:password@host:3306/database'
/** How long a connection attempt may take, in seconds, where the URL does not say. */
const CONNECT_TIMEOUT_S = 5
const MAX_TIMER_S = 2_147_483

type Mode = (typeof MODES)[number]
/** The words of MySQL's own client. @see https://dev.mysql.com/doc/refman/8.4/en/connection-options.html */
const MODES = ['DISABLED', 'PREFERRED', 'REQUIRED', 'VERIFY_CA', 'VERIFY_IDENTITY'] as const
const NAMES = { ca: 'ssl-ca', cert: 'ssl-cert', key: 'ssl-key', passphrase: 'ssl-passphrase' } as const

const TLS_HINT = 'TLS is ssl-mode=REQUIRED (encrypted), VERIFY_CA or VERIFY_IDENTITY (the certificate is checked, too)'
const POOL_HINT = 'the size of the pool is pool_size'
/** What other drivers call it. */
const HINTS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'ssl',
      'sslmode',
      'sslMode',
      'ssl_mode',
      'sslaccept',
      'useSSL',
      'requireSSL',
      'tls',
      'verifyServerCertificate',
    ].map((name) => [name, TLS_HINT]),
  ),
  ...Object.fromEntries(['connectionLimit', 'connection_limit', 'max', 'pool'].map((name) => [name, POOL_HINT])),
  sslcert: 'the file of the client is ssl-cert',
  sslca: 'the file of the CA is ssl-ca',
  sslkey: 'the file of the key is ssl-key',
  socketPath: 'the path of a socket is socket',
  connectTimeout: 'the time limit is connect_timeout, in seconds',
  charset: 'leave it out: connections of rowcast use utf8mb4',
  timezone: 'leave it out: times travel as numbers',
  tablePrefix: 'pass the option tablePrefix to EventChannel.open',
}

/**
 * Reads a URL with the parameters of MySQL's own client, as far as they have a meaning here.
 * @throws {ConfigurationError} for a part that cannot be read, a parameter that is unknown, and what cannot be had
 */
export function readMysqlUrl(text: string): MysqlConfig {
  const url = readUrl(WHAT, text, EXAMPLE)
  const { parameters, user, password, database } = url
  const place = placeOf(url)
  const ways = readTls(parameters, place.host)
  const config = {
    ...place,
    user,
    password,
    database,
    connectTimeout: (parameters.whole('connect_timeout', 1, MAX_TIMER_S) ?? CONNECT_TIMEOUT_S) * 1_000,
    connectionLimit: parameters.whole('pool_size', 1, 10_000),
  }
  parameters.refuseRest(HINTS)
  if (database === undefined) {
    throw new ConfigurationError('EventChannel.open: the URL names no database: write mysql://…/name')
  }
  return { config: Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)), ways }
}

/** A socket's path may be a parameter, or the host, with `/` as `%2F`. */
function placeOf({ hosts, parameters }: DatabaseUrl): {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly socketPath?: string
} {
  const [first, ...others] = hosts
  if (others.length > 0) {
    throw new ConfigurationError(
      'EventChannel.open: the URL names several hosts, and mysql2 connects to one: name an address that leads to the primary (a proxy, or a name that moves with it)',
    )
  }
  const socket = parameters.text('socket')
  const host = first?.host
  if (socket !== undefined && host !== undefined && host !== 'localhost') {
    parameters.refuse('socket', 'and a host before the path are both there: name one of them')
  }
  const socketPath = socket ?? (host?.startsWith('/') ? host : undefined)
  return socketPath === undefined ? { host, port: first?.port } : { socketPath }
}

function readTls(parameters: UrlParameters, host: string | undefined): readonly Way[] {
  const paths = {
    ca: parameters.text(NAMES.ca),
    cert: parameters.text(NAMES.cert),
    key: parameters.text(NAMES.key),
    passphrase: parameters.text(NAMES.passphrase),
  }
  const mode = readMode(parameters) ?? (paths.ca ? 'VERIFY_CA' : paths.cert || paths.key ? 'REQUIRED' : 'DISABLED')
  if (mode === 'DISABLED') return [undefined]
  if (mode === 'VERIFY_IDENTITY' && (host === undefined || isIP(host) !== 0)) {
    parameters.refuse('ssl-mode', 'VERIFY_IDENTITY needs the name of a host, which the certificate is compared with')
  }
  const files = readTlsFiles(parameters, NAMES, paths)
  // A CA that is named is asked, whatever the mode.
  const isVerified = mode === 'VERIFY_CA' || mode === 'VERIFY_IDENTITY' || files.ca !== undefined
  const way = { ...files, rejectUnauthorized: isVerified, verifyIdentity: mode === 'VERIFY_IDENTITY' }
  return mode === 'PREFERRED' ? [way, undefined] : [way]
}

function readMode(parameters: UrlParameters): Mode | undefined {
  const text = parameters.text('ssl-mode')?.toUpperCase()
  const mode = MODES.find((known) => known === text)
  if (text !== undefined && mode === undefined) parameters.refuse('ssl-mode', `must be one of ${MODES.join(', ')}`)
  return mode
}
