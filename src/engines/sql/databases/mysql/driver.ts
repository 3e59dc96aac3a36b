/** What we use of a `mysql2/promise` connection. */
export interface MysqlConnection {
  execute(options: QueryOptions): Promise<readonly unknown[]>
  query(options: QueryOptions): Promise<readonly unknown[]>
  /** The connection with callbacks that it wraps: the same object each time that a pool hands it out. */
  readonly connection?: CoreConnection
}

export interface PooledConnection extends MysqlConnection {
  release(): void
  destroy(): void
}

/** What we use of a `mysql2/promise` pool. */
export interface MysqlPool extends MysqlConnection {
  getConnection(): Promise<PooledConnection>
  /** The pool with callbacks that it wraps. */
  readonly pool?: { readonly config?: { readonly connectionLimit?: number } }
}

/** What we use of a connection with callbacks. */
export interface CoreConnection {
  readonly config?: { readonly typeCast?: unknown; readonly queryFormat?: unknown }
  readonly stream?: { destroy(error: Error): void }
  once?(event: 'error', listener: () => void): unknown
  unprepare?(options: QueryOptions): unknown
}

export interface QueryOptions {
  readonly sql: string
  readonly values?: unknown[]
  readonly rowsAsArray?: boolean
  readonly nestTables?: boolean
  readonly namedPlaceholders?: boolean
  readonly typeCast?: boolean | TypeCast
}

/** @param next the driver's own reading of a field */
type TypeCast = (field: unknown, next: () => unknown) => unknown

/** A pool or connection of `mysql2` itself, with callbacks, brings its promise twin along. */
export function toPromises<Handle extends object>(handle: Handle): Handle {
  return 'promise' in handle && typeof handle.promise === 'function' ? handle.promise() : handle
}

/** What stays the same when a pool hands out a connection again. */
export function coreOf(connection: MysqlConnection): object {
  return connection.connection ?? connection
}

/**
 * Ends a connection at once, and what is under way on it. The driver alone would only say goodbye and read on: it prints a
 * warning at what still comes, and a silent network keeps the socket open.
 */
export function breakOff(connection: MysqlConnection & Partial<Pick<PooledConnection, 'destroy'>>): void {
  connection.destroy?.()
  const core = connection.connection
  // Where nothing is under way, the driver tells the connection, which no caller holds any more.
  core?.once?.('error', () => undefined)
  core?.stream?.destroy(Object.assign(new Error('broken off'), { code: 'PROTOCOL_CONNECTION_LOST' }))
}

/** What is the same for all who wrap a pool. */
export function poolCoreOf(pool: MysqlPool): object {
  return pool.pool ?? pool
}

/** The driver has 0 for no limit. */
export function poolSizeOf({ pool }: MysqlPool): number | undefined {
  return pool?.config?.connectionLimit || undefined
}

/** Options of one query that undo what a pool of the user's would make of it and of its rows. */
export type Shape = Required<Pick<QueryOptions, 'rowsAsArray' | 'nestTables' | 'namedPlaceholders' | 'typeCast'>>

const PLAIN: Shape = { rowsAsArray: false, nestTables: false, namedPlaceholders: false, typeCast: true }
/** The driver lets a pool's function go before `true`, but not before another function. */
const PLAIN_FUNCTION: Shape = { ...PLAIN, typeCast: (_, next) => next() }

export function shapeOf({ connection }: MysqlConnection): Shape {
  const config = connection?.config
  return config === undefined || typeof config.typeCast === 'function' ? PLAIN_FUNCTION : PLAIN
}
