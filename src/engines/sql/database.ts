import type { EngineName, EngineOptions } from '../../engine.js'
import type { Dialect } from './statements.js'
import type { NamedVerb, Question, Work } from './unit-of-work.js'

/** How many rows one call of a verb should ask for: `limit`, unless the database answers in the same tick. */
export function portionOf(database: SqlDatabase, { verb }: NamedVerb, limit: number): number {
  return database.portion?.(verb, limit) ?? limit
}

/** One database. Whatever it throws is a RowcastError: driver codes are translated here and nowhere else. */
export interface SqlDatabase extends AsyncDisposable {
  readonly dialect: Dialect
  /** How many connections there can be at once. Absent: any number, or the driver does not say. */
  readonly poolSize?: number | undefined
  /**
   * Looks whether something keeps rows of our tables from this login. Absent: nothing can.
   * @throws {ConfigurationError} when it would see or write none
   */
  readonly checkTables?: (() => Promise<void>) | undefined
  /** Whether there is such a verb: some have one for a case that others do along with the rest. */
  has(verb: NamedVerb): boolean
  /**
   * Asks one thing, atomically. Retried on contention.
   * @param withinMs for what keeps leases: how long it may take in all, in milliseconds; it goes before everything else,
   *   over the connection that other work leaves free
   */
  run<Answer>(question: Question<Answer>, withinMs?: number): Promise<Answer>
  /** Runs a unit of work in one transaction. Retried, from its start, on contention. */
  transaction<Result>(work: () => Work<Result>): Promise<Result>
  /** Runs a unit of work inside the caller's open transaction; commits nothing. */
  join<Result>(tx: unknown, work: () => Work<Result>): Promise<Result>
  /** The same without waiting, in the caller's transaction or in one of its own. Absent: the driver cannot. */
  readonly sync?: (<Result>(work: () => Work<Result>, tx?: unknown) => Result) | undefined
  /** Runs a unit of work that no other process runs at the same time; in a transaction where DDL obeys one. */
  exclusively<Result>(work: () => Work<Result>): Promise<Result>
  /**
   * How many of `limit` rows one call of a verb should ask for, so that it holds up the event loop for no more than some
   * milliseconds. Absent: the database is waited for, and as many as there are hold up nobody.
   */
  readonly portion?: ((verb: string, limit: number) => number) | undefined
  /** Receives notifications, over a connection that is opened for the first topic. Absent: this database cannot notify. */
  readonly listen?: ((handlers: NotificationHandlers) => NotificationListener) | undefined
  /** Calls back soon after another connection committed something. Absent: this database cannot tell. */
  readonly watch?: ((onChange: () => void) => AsyncDisposable) | undefined
  /**
   * Asks what waits at the server until there is something to answer. It sees what is not committed yet, and has a
   * connection to itself meanwhile: `undefined` where none can be spared. Absent: this database can wait for nothing.
   * @param signal breaks it off
   */
  readonly longPoll?:
    | (<Answer>(question: Question<Answer>, signal: AbortSignal) => Promise<Answer | undefined>)
    | undefined
  /** Breaks every connection of ours at once, whatever it is doing. Absent: there is none that could be in the way. */
  readonly destroy?: (() => void) | undefined
}

export interface NotificationHandlers {
  onNotification(topic: string, payload: string): void
  /** The connection was lost; nothing arrives until `onReconnect`. */
  onLost(): void
  /** The connection is back, on every topic that was live; what was sent in the meantime is gone. */
  onReconnect(): void
}

/** Receives notifications over one connection, which it makes anew whenever it is lost. */
export interface NotificationListener extends AsyncDisposable {
  /**
   * Starts receiving a topic; resolves once what is notified from now on arrives. Waits while a connection that was lost is
   * made anew. When it rejects, the topic is not wanted any more.
   * @throws {UnsupportedError} when what is notified does not arrive here
   * @throws {ConnectionError} when there is no connection yet, and none can be made now
   * @throws {ClosedError} after it was disposed
   */
  add(topic: string): Promise<void>
  /** Whoever still waits for the topic to be live waits no more. */
  remove(topic: string): void
}

/** Where a database is, and how to reach it. */
export interface DatabaseSource {
  readonly name: EngineName
  connect(options: EngineOptions): Promise<SqlDatabase>
}
