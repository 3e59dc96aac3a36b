import {
  ConfigurationError,
  ConnectionError,
  ContentionError,
  describe,
  MigrationError,
  RefusedError,
  RowcastError,
} from '../../errors.js'

/** @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const CONTENTION = new Set(['40001', '40P01', '55P03'])
const CONNECTION = new Set(['25P03', '57P01', '57P02', '57P03', '57P05', '53300'])
/** A wrong password; no such role, or none that may come from here; no such database. */
const REFUSED = new Set(['28P01', '28000', '3D000'])
const MISSING = new Set(['42P01', '42703', '3F000'])
/** Read-only: a standby, perhaps since a moment ago. Another connection may lead to a server that is not. */
const READ_ONLY = '25006'
const SQLSTATE = /^[0-9A-Z]{5}$/

/** A driver's error as one of ours. Errors without an SQLSTATE are the driver's own, about the connection. */
export function translate(cause: unknown): unknown {
  if (cause instanceof RowcastError || cause instanceof TypeError || cause instanceof RangeError) return cause
  const code = codeOf(cause)
  const what = describeCause(cause)
  if (REFUSED.has(code)) {
    return new RefusedError(
      `Postgres refused the connection (${what}): check the name of the database, the login and its rights`,
      { cause },
    )
  }
  if (!SQLSTATE.test(code) || code.startsWith('08') || CONNECTION.has(code)) {
    return new ConnectionError(`Postgres cannot be reached (${what}): check the address, the login and the server`, {
      cause,
    })
  }
  if (code === READ_ONLY) {
    return new ConnectionError(`Postgres takes no writes here (${what}): check that the address leads to a primary`, {
      cause,
    })
  }
  if (CONTENTION.has(code)) return new ContentionError(`Postgres gave way to another transaction (${what})`, { cause })
  if (MISSING.has(code)) {
    return new MigrationError(`the tables are not there (${what}): call channel.migrate() or check the option schema`, {
      cause,
    })
  }
  if (code === '42501') {
    return new ConfigurationError(`Postgres denied the right (${what}): see the grants in docs/adapters/postgres.md`, {
      cause,
    })
  }
  return new RowcastError('DATABASE', `Postgres refused (${what})`, { cause })
}

function codeOf(cause: unknown): string {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? code : ''
}

/** Node's error for an address that resolves to several has its text in the parts. */
function describeCause(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') return describe(cause.errors[0])
  return describe(cause)
}
