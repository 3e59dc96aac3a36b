import type pg from 'pg'
import { ConnectionError, describe } from '../../../../common/errors.js'
import type { ClientPool, PooledClient } from './driver.js'
import type { ListenConfig } from './listener.js'
import type { Address, PostgresConfig } from './url.js'

/** A wrong password, a database that does not exist: no other address would know better. */
const SAME_EVERYWHERE = new Set(['28P01', '3D000'])
const IS_STANDBY = {
  text: `select (pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on')::text as standby`,
}

/** What the driver's own pool breaks a client by. */
interface Breakable {
  readonly connection: { readonly stream: { destroy(): void } }
}

/** The address that connections are made to, out of several; it moves on when one does not serve. */
class Addresses {
  readonly #all: readonly Address[]
  #at = 0

  constructor(all: readonly Address[]) {
    this.#all = all
  }

  get count(): number {
    return this.#all.length
  }

  get current(): Address {
    return this.#all[this.#at % this.count] as Address
  }

  /** Unless another connection has moved on from there meanwhile. */
  moveOnFrom(address: Address): void {
    if (address === this.current) this.#at++
  }
}

/**
 * A pool whose connections go to the first address that serves: a URL may name several servers, of which one is the primary,
 * and several ways to secure a connection.
 */
export class AddressPool implements ClientPool {
  readonly #pool: pg.Pool
  readonly #config: ListenConfig
  readonly #addresses: Addresses
  readonly #asksForPrimary: boolean
  readonly #primaries = new WeakSet<object>()
  readonly #clients = new Set<Breakable>()

  constructor(driver: typeof pg, { config, addresses, hosts }: PostgresConfig) {
    const places = new Addresses(addresses)
    const clients = this.#clients
    this.#config = config
    this.#addresses = places
    this.#asksForPrimary = hosts > 1
    const Client = class extends driver.Client {
      constructor() {
        super({ ...config, ...places.current } as pg.ClientConfig)
        const client = this as unknown as Breakable
        clients.add(client)
        this.once('end', () => clients.delete(client))
      }
    }
    this.#pool = new driver.Pool({ ...config, Client: Client as unknown as new () => pg.ClientBase })
    // An idle connection that breaks is replaced; who needs one hears when none can be made.
    this.#pool.on('error', () => undefined)
  }

  get waitingCount(): number {
    return this.#pool.waitingCount
  }

  get options(): { readonly max?: number } {
    return this.#pool.options
  }

  /**
   * How a LISTEN connection gets to where the pool's go. Read anew for each one that is made: the place may have changed.
   * @param more what it has of its own
   */
  listenConfig(more: ListenConfig): ListenConfig {
    const places = this.#addresses
    return {
      ...this.#config,
      ...more,
      get host() {
        return places.current.host
      },
      get port() {
        return places.current.port
      },
      get ssl() {
        return places.current.ssl
      },
    }
  }

  on(event: 'connect', listener: (client: PooledClient) => void): void {
    this.#pool.on(event, listener as unknown as (client: pg.PoolClient) => void)
  }

  end(): Promise<void> {
    return this.#pool.end()
  }

  destroy(): void {
    for (const { connection } of this.#clients) connection.stream.destroy()
  }

  async connect(): Promise<PooledClient> {
    const failures: { readonly address: Address; readonly error: unknown }[] = []
    while (failures.length < this.#addresses.count) {
      const address = this.#addresses.current
      try {
        return await this.#connect()
      } catch (error) {
        if (SAME_EVERYWHERE.has((error as { code?: string })?.code ?? '')) throw error
        failures.push({ address, error })
        this.#addresses.moveOnFrom(address)
      }
    }
    throw this.#asksForPrimary ? noneServes(failures) : failures.at(-1)?.error
  }

  async #connect(): Promise<PooledClient> {
    const client = (await this.#pool.connect()) as unknown as PooledClient
    if (this.#asksForPrimary && !this.#primaries.has(client)) await this.#checkPrimary(client)
    return client
  }

  async #checkPrimary(client: PooledClient): Promise<void> {
    try {
      const { rows } = await client.query(IS_STANDBY)
      if (rows[0]?.standby !== 'false') throw new ConnectionError('it takes no writes')
      this.#primaries.add(client)
    } catch (error) {
      client.release(true)
      throw error
    }
  }
}

function noneServes(failures: readonly { readonly address: Address; readonly error: unknown }[]): ConnectionError {
  const each = failures.map(({ address: { host, port }, error }) => `${host ?? ''}:${port ?? ''}: ${describe(error)}`)
  const cause = failures[0]?.error
  return new ConnectionError(
    `none of the hosts in the URL serves (${[...new Set(each)].join('; ')}): one of them must be a primary that can be reached`,
    { cause },
  )
}
