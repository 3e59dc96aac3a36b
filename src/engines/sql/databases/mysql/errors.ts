import {
  ConfigurationError,
  ConnectionError,
  ContentionError,
  describe,
  EndedError,
  MigrationError,
  PayloadError,
  RefusedError,
  RowcastError,
} from '../../../../common/errors.js'
import { networkRemedy } from '../network.js'

/* @see https://dev.mysql.com/doc/mysql-errors/9.0/en/server-error-reference.html and https://mariadb.com/kb/en/mariadb-error-code-reference/ */

/**
 * A lock wait, a deadlock, a lock that was not to be waited for; a row that changed since the snapshot (MariaDB); a table that
 * somebody altered meanwhile, or waits to; a commit that a group of servers or a cluster refused, since another server's was first.
 */
const CONTENTION = new Set([1020, 1205, 1213, 1412, 1689, 3101, 3572])
/** `KILL QUERY`, MariaDB's `max_statement_time`, MySQL's `max_execution_time`. */
const ENDED = new Set([1317, 1969, 3024])
/** No such table, no such column. */
const MISSING = new Set([1146, 1054])
/** Access to a table, column or routine; a statement that needs a privilege. */
const DENIED = new Set([1142, 1143, 1227, 1370])

const LOGIN = 'check the user and the password, and whether this login may come from here, without TLS or with'
const PASSWORD_OVER = 'its password has to be changed first: let an administrator, or the login itself, do that'
const LOCKED = 'the login is locked or blocked: let an administrator unlock it'
const PLUGIN = "the server wants a way to log in that the driver does not know: change the login's plugin"
/** No right to this database, wrong login, no such database, no login from here, or not this way. */
const REFUSED: Readonly<Record<number, string>> = {
  1044: 'check the name of the database, and the rights of the login to it',
  1045: LOGIN,
  1049: 'check the name of the database',
  1130: 'let an administrator admit logins from this host',
  1251: PLUGIN,
  1275: PLUGIN,
  1524: PLUGIN,
  1698: LOGIN,
  1820: PASSWORD_OVER,
  1862: PASSWORD_OVER,
  3118: LOCKED,
  3159: 'the server wants TLS: write ssl-mode=REQUIRED, or VERIFY_CA, into the URL',
  3955: LOCKED,
  4151: LOCKED,
}

/**
 * The session was ended or is not admitted: too many connections, of all, of the login, or in an hour; the server is stopping,
 * offline, or not ready yet (a cluster's node); the session was killed or idle for too long; the network broke.
 */
const CONNECTION = new Set([
  1040, 1041, 1042, 1043, 1047, 1053, 1077, 1078, 1079, 1080, 1129, 1152, 1156, 1158, 1159, 1160, 1161, 1184, 1203,
  1226, 1927, 3032, 3168, 3169, 3218, 4031,
])

/**
 * Proxies answer with the codes that client libraries have for a broken connection, ProxySQL with one of its own where it reaches
 * no server.
 */
const isOfProxy = (errno: number) => (errno >= 2_000 && errno < 3_000) || errno === 9_001

/**
 * Read-only: a replica, perhaps since a moment ago; a member that lost its group; InnoDB or a table that takes no writes.
 * Another connection may lead to a server that is not.
 */
const READ_ONLY = new Set([1036, 1290, 1792, 1836, 1874, 3100])

/** Over `max_allowed_packet`; the server hangs up after saying so. */
const TOO_LARGE = 1153

/** The driver puts one code on all of TLS, and leaves the text of Node's. */
const TLS_CODES: readonly (readonly [RegExp, string])[] = [
  [/^self[- ]signed certificate$/, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  [/^self[- ]signed certificate in/, 'SELF_SIGNED_CERT_IN_CHAIN'],
  [/local issuer certificate/, 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  [/verify the first certificate/, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  [/certificate signature failure/, 'CERT_SIGNATURE_FAILURE'],
  [/has expired/, 'CERT_HAS_EXPIRED'],
  [/not yet valid/, 'CERT_NOT_YET_VALID'],
  [/altnames/, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  [/unknown ca/, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'],
]

/** What the driver says of its own, by its codes or, where it has none, its words; and what to do about it. */
const DRIVER_REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/^HANDSHAKE_NO_SSL_SUPPORT$/, 'the server has TLS off: switch it on there, or write ssl-mode=DISABLED'],
  [/^PROTOCOL_CONNECTION_LOST$/, 'the server, or something in between, hung up: check its log and its limits'],
  [/^AUTH_SWITCH_PLUGIN_ERROR$/, PLUGIN],
  [
    /^(No connections available|Queue limit reached)/,
    'raise connectionLimit and queueLimit of the pool, or let it wait',
  ],
  [/^Pool is closed/, 'the pool was ended: close the channel first'],
]

/** A driver's error as one of ours. */
export function translate(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof RowcastError || cause instanceof RangeError) return cause
  const errno = errnoOf(cause)
  const what = describeCause(cause)
  const refusal = REFUSED[errno]
  if (refusal !== undefined) return new RefusedError(`MySQL refused the connection (${what}): ${refusal}`, { cause })
  if (errno === TOO_LARGE) {
    return new PayloadError(`MySQL refused the size (${what}): raise max_allowed_packet or lower maxPayloadBytes`, {
      cause,
    })
  }
  // The driver's own errors and those of the socket have no positive server error number.
  if (errno <= 0 || CONNECTION.has(errno) || isOfProxy(errno) || ('fatal' in cause && cause.fatal === true)) {
    if (cause instanceof TypeError) return cause
    const remedy = remedyOf(cause) ?? 'check the address, the server and its limits'
    return new ConnectionError(`MySQL cannot be reached (${what}): ${remedy}`, { cause })
  }
  if (READ_ONLY.has(errno)) {
    return new ConnectionError(
      `MySQL takes no writes here (${what}): check that the address leads to a primary, and that read_only and transaction_read_only are off`,
      { cause },
    )
  }
  return translateStatement(cause, errno, what)
}

/** What the server says of one statement. */
function translateStatement(cause: Error, errno: number, what: string): RowcastError {
  if (CONTENTION.has(errno)) return new ContentionError(`MySQL gave way to another transaction (${what})`, { cause })
  if (ENDED.has(errno)) {
    return new EndedError(
      `MySQL ended the statement (${what}): look for what it waited for, or raise max_statement_time (MySQL: max_execution_time) for this login`,
      { cause },
    )
  }
  if (MISSING.has(errno)) {
    return new MigrationError(`the tables are not there (${what}): call channel.migrate() or check tablePrefix`, {
      cause,
    })
  }
  if (DENIED.has(errno)) {
    return new ConfigurationError(`MySQL denied the right (${what}): see the grants in docs/adapters/mysql.md`, {
      cause,
    })
  }
  return new RowcastError('DATABASE', `MySQL refused (${what})`, { cause })
}

export function errnoOf(error: unknown): number {
  const errno = error instanceof Error && 'errno' in error ? error.errno : undefined
  return typeof errno === 'number' ? errno : 0
}

function remedyOf(cause: Error): string | undefined {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const of = (table: readonly (readonly [RegExp, string])[], text: string) =>
    table.find(([known]) => known.test(text))?.[1]
  if (code === 'HANDSHAKE_SSL_ERROR') return networkRemedy({ code: of(TLS_CODES, cause.message) })
  return networkRemedy(cause) ?? of(DRIVER_REMEDIES, code) ?? of(DRIVER_REMEDIES, cause.message)
}

/** Node's error for an address that resolves to several has its text in the parts. */
function describeCause(cause: Error): string {
  if (cause instanceof AggregateError && cause.message === '') return describe(cause.errors[0])
  return describe(cause)
}
