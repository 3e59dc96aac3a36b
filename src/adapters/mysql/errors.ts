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
} from '../../errors.js'

/** @see https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html */
const CONTENTION = new Set([1205, 1213, 3572])
/** `KILL QUERY`, MariaDB's `max_statement_time`, MySQL's `max_execution_time`. */
const ENDED = new Set([1317, 1969, 3024])
/** No such table, no such column. */
const MISSING = new Set([1146, 1054])
/** Access to a table, column or routine; a statement that needs a privilege. */
const DENIED = new Set([1142, 1143, 1227, 1370])
/** No right to this database, wrong login, no such database, a host that may not log in, a login without a password. */
const REFUSED = new Set([1044, 1045, 1049, 1130, 1698])
/** Too many connections, shutting down, killed. */
const CONNECTION = new Set([1040, 1053, 1129, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1927, 4031])

/** Read-only: a replica, perhaps since a moment ago. Another connection may lead to a server that is not. */
const READ_ONLY = new Set([1290, 1792, 1836])

/** Over `max_allowed_packet`; the server hangs up after saying so. */
const TOO_LARGE = 1153

/** A driver's error as one of ours. */
export function translate(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof RowcastError || cause instanceof RangeError) return cause
  const what = describeCause(cause)
  const errno = 'errno' in cause && typeof cause.errno === 'number' ? cause.errno : 0
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
  if (REFUSED.has(errno)) {
    return new RefusedError(
      `MySQL refused the connection (${what}): check the name of the database, the login and its rights`,
      { cause },
    )
  }
  if (DENIED.has(errno)) {
    return new ConfigurationError(`MySQL denied the right (${what}): see the grants in docs/adapters/mysql.md`, {
      cause,
    })
  }
  if (READ_ONLY.has(errno)) {
    return new ConnectionError(`MySQL takes no writes here (${what}): check that the address leads to a primary`, {
      cause,
    })
  }
  if (errno === TOO_LARGE) {
    return new PayloadError(`MySQL refused the size (${what}): raise max_allowed_packet or lower maxPayloadBytes`, {
      cause,
    })
  }
  // The driver's own errors and those of the socket have no positive server error number.
  if (errno <= 0 || CONNECTION.has(errno) || ('fatal' in cause && cause.fatal === true)) {
    if (cause instanceof TypeError) return cause
    return new ConnectionError(`MySQL cannot be reached (${what}): check the address, the login and the server`, {
      cause,
    })
  }
  return new RowcastError('DATABASE', `MySQL refused (${what})`, { cause })
}

/** Node's error for an address that resolves to several has its text in the parts. */
function describeCause(cause: Error): string {
  if (cause instanceof AggregateError && cause.message === '') return describe(cause.errors[0])
  return describe(cause)
}
