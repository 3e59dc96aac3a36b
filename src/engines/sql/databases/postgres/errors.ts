import {
  ConfigurationError,
  ConnectionError,
  ContentionError,
  describe,
  EndedError,
  MigrationError,
  NotificationsFullError,
  PayloadError,
  RefusedError,
  RowcastError,
} from '../../../../common/errors.js'
import { networkRemedy } from '../network.js'

/** @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const CONTENTION = new Set(['40001', '40P01', '55P03'])
/**
 * The server ended the session or takes no new one: it is starting, stopping or recovering, has too many, does not admit
 * any to this database, or a limit on the session's time ran out. Another connection, or the same a moment later, may do.
 * Operators' interventions (57Pxx) but not a cancelled statement (57014), and errors of its system (58xxx), among them.
 */
const CONNECTION = /^(08...|25P03|25P04|53300|53400|55000|57P0.|58...)$/
/** Its `statement_timeout` was over, or somebody cancelled it. */
const ENDED = '57014'
/** Read-only: a standby, perhaps since a moment ago, or a setting. Another connection may lead to a server that is not. */
const READ_ONLY = '25006'
/** A wrong password; no such role, or none that may come from here; no such database. */
const REFUSED: Readonly<Record<string, string>> = {
  '28P01': 'check the user and the password',
  '28000':
    'check the user, its certificate where one is wanted, and that pg_hba.conf admits it from here, by TLS or without',
  '3D000': 'check the name of the database',
}
const MISSING = new Set(['42P01', '42703', '3F000'])
/** A text that the encoding of the database, or of the session, cannot hold. */
const UNTRANSLATABLE = new Set(['22P05', '22021'])
/** A limit of the server that no statement of ours comes near, but NOTIFY, whose queue all databases share. */
const NOTIFICATIONS_FULL = '54000'
/** Where the server checks the policies of a table, by its own names, which are in no human language. */
const ROW_SECURITY = new Set(['ExecWithCheckOptions', 'get_row_security_policies', 'check_enable_rls'])
const SQLSTATE = /^[0-9A-Z]{5}$/

/** What the driver says of its own, without a code, and what to do about it. */
const DRIVER_REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/password must be a/, 'the server wants a password: put one into the URL, the pool, PGPASSWORD or ~/.pgpass'],
]
const DRIVER_REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/not support SSL/, 'the server has TLS off: switch it on there, or ask for no TLS (sslmode=disable)'],
  [/establishing an SSL connection/, 'what answers there speaks no TLS of Postgres: check host and port'],
]

/** A driver's error as one of ours. Errors without an SQLSTATE are the driver's own, about the connection. */
export function translate(cause: unknown): unknown {
  if (cause instanceof RowcastError || cause instanceof TypeError || cause instanceof RangeError) return cause
  const what = describeCause(cause)
  const code = codeOf(cause)
  if (!SQLSTATE.test(code)) return translateDriver(cause, what)
  const refusal = REFUSED[code]
  if (refusal !== undefined) return new RefusedError(`Postgres refused the connection (${what}): ${refusal}`, { cause })
  if (code === READ_ONLY) {
    return new ConnectionError(
      `Postgres takes no writes here (${what}): check that the address leads to a primary, and that default_transaction_read_only is off`,
      { cause },
    )
  }
  const isLast = endsSession(cause)
  if (isLast && /^(22|42)/.test(code)) {
    return new RefusedError(
      `Postgres refused the connection (${what}): check the options and the rights of the login`,
      {
        cause,
      },
    )
  }
  if (CONNECTION.test(code) || isLast) {
    return new ConnectionError(`Postgres cannot be reached (${what}): check the server and its limits`, { cause })
  }
  return translateStatement(cause, code, what)
}

/** What the server says of one statement. */
function translateStatement(cause: unknown, code: string, what: string): RowcastError {
  if (CONTENTION.has(code)) return new ContentionError(`Postgres gave way to another transaction (${what})`, { cause })
  if (code === ENDED) {
    return new EndedError(
      `Postgres ended the statement (${what}): look for what it waited for, or raise statement_timeout for this login`,
      { cause },
    )
  }
  if (MISSING.has(code)) {
    return new MigrationError(`the tables are not there (${what}): call channel.migrate() or check the option schema`, {
      cause,
    })
  }
  if (code === NOTIFICATIONS_FULL) {
    return new NotificationsFullError(
      `Postgres has no room for another notification (${what}): a session that listens has been in one transaction for long; pg_notification_queue_usage() says how full it is, pg_stat_activity who it is`,
      { cause },
    )
  }
  if (UNTRANSLATABLE.has(code)) {
    return new PayloadError(
      `the encoding of this database cannot hold it (${what}): use a database in UTF8, or texts that it holds`,
      { cause },
    )
  }
  if (code !== '42501') return new RowcastError('DATABASE', `Postgres refused (${what})`, { cause })
  if (ROW_SECURITY.has(routineOf(cause))) {
    return new ConfigurationError(
      `row level security is in the way (${what}): see "Row level security" in docs/adapters/postgres.md`,
      { cause },
    )
  }
  return new ConfigurationError(`Postgres denied the right (${what}): see the grants in docs/adapters/postgres.md`, {
    cause,
  })
}

function translateDriver(cause: unknown, what: string): ConnectionError {
  const text = cause instanceof Error ? cause.message : ''
  const refusal = DRIVER_REFUSALS.find(([pattern]) => pattern.test(text))?.[1]
  if (refusal !== undefined) return new RefusedError(`Postgres refused the connection (${what}): ${refusal}`, { cause })
  const remedy =
    networkRemedy(cause) ??
    DRIVER_REMEDIES.find(([pattern]) => pattern.test(text))?.[1] ??
    'check the address, the login and the server'
  return new ConnectionError(`Postgres cannot be reached (${what}): ${remedy}`, { cause })
}

export function codeOf(cause: unknown): string {
  return textField(cause, 'code')
}

function routineOf(cause: unknown): string {
  return textField(cause, 'routine')
}

/** The server hangs up after such an error, whatever its code; poolers have codes of their own for them. */
function endsSession(cause: unknown): boolean {
  return /^(FATAL|PANIC)$/.test(textField(cause, 'severity'))
}

function textField(cause: unknown, name: string): string {
  const value = typeof cause === 'object' && cause !== null ? (cause as Record<string, unknown>)[name] : undefined
  return typeof value === 'string' ? value : ''
}

/** Node's error for an address that resolves to several has its text in the parts. */
function describeCause(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') return describe(cause.errors[0])
  return describe(cause)
}
