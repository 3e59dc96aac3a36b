export { describe } from './describe.js'

/** What went wrong, as a literal that survives minification and process boundaries. */
export type ErrorCode =
  | 'CONFIGURATION'
  | 'PAYLOAD'
  | 'CLOSED'
  | 'UNSUPPORTED'
  | 'MIGRATION'
  | 'CONNECTION'
  | 'CONTENTION'
  | 'DATABASE'
  | 'NOT_HELD'

/**
 * Base of every error that rowcast raises. The message says what was wrong, with what value, and what to do; it never
 * holds a password. The driver's own error, where there is one, is the `cause`.
 */
export class RowcastError extends Error {
  /** Stable from version to version; what to tell errors apart by. */
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** An option, a name or an argument is wrong; nothing was done. */
export class ConfigurationError extends RowcastError {
  constructor(message: string, options?: ErrorOptions) {
    super('CONFIGURATION', message, options)
  }
}

/** A payload or its metadata is not JSON, is too large, or does not match the schema of its channel. */
export class PayloadError extends RowcastError {
  constructor(message: string, options?: ErrorOptions) {
    super('PAYLOAD', message, options)
  }
}

/** The channel, subscription or listener is closed. */
export class ClosedError extends RowcastError {
  constructor(message: string, options?: ErrorOptions) {
    super('CLOSED', message, options)
  }
}

/** This backend or this database cannot do what was asked; the message names one that can. */
export class UnsupportedError extends RowcastError {
  constructor(message: string, options?: ErrorOptions) {
    super('UNSUPPORTED', message, options)
  }
}

/** The tables are missing, altered, or newer than this version of rowcast. */
export class MigrationError extends RowcastError {
  constructor(message: string, options?: ErrorOptions) {
    super('MIGRATION', message, options)
  }
}

/** The database cannot be reached or refuses the login, or the connection broke before the outcome was known. */
export class ConnectionError extends RowcastError {
  constructor(message: string, options?: ErrorOptions) {
    super('CONNECTION', message, options)
  }
}

/**
 * The database answered, and refused the login, the role or the database. Opening passes it on as a `ConfigurationError`;
 * later it is a connection that cannot be made yet, since logins are changed while processes run.
 * @internal
 */
export class RefusedError extends ConnectionError {}

/**
 * Lost against another transaction (a deadlock, a lock wait, a busy file); the same work may well succeed now. Engines
 * retry it, so that a caller meets it only as a `RowcastError` with code `CONTENTION` after the last attempt.
 * @internal
 */
export class ContentionError extends RowcastError {
  constructor(message: string, options?: ErrorOptions) {
    super('CONTENTION', message, options)
  }
}

/**
 * The server has no room for one more notification. What was to be stored along with it can be stored without.
 * @internal
 */
export class NotificationsFullError extends RowcastError {
  constructor(message: string, options?: ErrorOptions) {
    super('DATABASE', message, options)
  }
}

/**
 * The server ended the statement, for a time limit of its own or because a person asked it to. What it ended is undone for
 * certain, and the same work may well succeed now: it mostly waited for somebody else's lock.
 * @internal
 */
export class EndedError extends ContentionError {}
