import { ConfigurationError } from '../../../../common/errors.js'
import type { Row } from '../../unit-of-work.js'

/** What we use of a `pg` client. */
export interface PostgresClient {
  query(config: QueryConfig): Promise<{ rows: Row[]; command?: string | null }>
  /** `I` outside of a transaction, `T` inside of one, `E` inside of one that failed; older versions do not tell. */
  getTransactionStatus?(): string | null
}

/** What we use of a client that came out of a pool. */
export interface PooledClient extends PostgresClient {
  readonly processID?: number
  /** The protocol's messages, as far as we follow them; wrappers may hide it. */
  readonly connection?: {
    on(event: 'readyForQuery', listener: (message: { readonly status: string }) => void): unknown
    on(
      event: 'parameterStatus',
      listener: (message: { readonly parameterName: string; readonly parameterValue: string }) => void,
    ): unknown
  }
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
  release(error?: Error | boolean): void
}

/** What we use of a pool once it is one. */
export interface ClientPool {
  on?(event: 'connect', listener: (client: PooledClient) => void): unknown
  off?(event: 'connect', listener: (client: PooledClient) => void): unknown
  connect(): Promise<PooledClient>
  /** How many wait for a connection. */
  readonly waitingCount?: number
  /** Where the LISTEN connection goes, too, unless `listenUrl` says otherwise. */
  readonly options?: { readonly max?: number }
}

/** What a `pg.Pool` is recognised by. */
export interface PostgresPool extends ClientPool, PostgresClient {}

export interface QueryConfig {
  readonly text: string
  readonly values?: unknown[]
  readonly name?: string
  readonly query_timeout?: number
  readonly types?: { getTypeParser(): (text: string) => unknown }
}

/**
 * The publish option `tx`.
 * @throws {ConfigurationError} when it is no `pg` client, or in no transaction: outside of one, an event of several
 *   statements could be stored by half
 */
export function checkTransaction(tx: unknown): PostgresClient {
  const candidate = tx as Partial<PostgresClient> | null
  const isPool = typeof candidate === 'object' && candidate !== null && 'totalCount' in candidate
  // The connection of another driver has a query, too.
  const isForeign = typeof candidate === 'object' && candidate !== null && 'execute' in candidate
  if (typeof candidate?.query !== 'function' || isPool || isForeign) {
    throw new ConfigurationError(
      `publish: tx is ${isPool ? 'a pool, which has no transaction' : 'not a pg client'}: pass the client that ran begin`,
    )
  }
  // Older versions of the driver do not tell.
  if (candidate.getTransactionStatus?.() === 'I') {
    throw new ConfigurationError('publish: the client that tx names is in no transaction: run begin on it first')
  }
  return candidate as PostgresClient
}
