import { Alarm } from '../../../../common/alarm.js'
import { ClosedError, ConnectionError } from '../../../../common/errors.js'
import { inTurn } from '../pool-turn.js'
import type { ClientPool, PooledClient } from './driver.js'

/** Where statements get their connections. */
export interface Clients extends AsyncDisposable {
  /** Whether they are ours alone. */
  readonly isOurs: boolean
  /** A connection for one use; whoever has it gives it back. */
  take(): PooledClient | Promise<PooledClient>
  /** @param broken why it is of no use any more */
  give(client: PooledClient, broken: Error | undefined): void
  /** Breaks every connection of ours at once. */
  destroy(): void
}

/** How many of our objects share a pool of the user's; its new connections are watched once for all of them. */
const sharers = new WeakMap<ClientPool, number>()

/** Connections of a pool of the user's, who may need them in between: each is given back at once. */
export class SharedClients implements Clients {
  readonly isOurs = false
  readonly #pool: ClientPool
  readonly #lent = new Set<PooledClient>()
  #closed = false
  #destroyed = false

  constructor(pool: ClientPool) {
    this.#pool = pool
    const others = sharers.get(pool) ?? 0
    sharers.set(pool, others + 1)
    if (others === 0) pool.on?.('connect', watchErrors)
  }

  async take(): Promise<PooledClient> {
    const client = await inTurn('Postgres', this.#pool.connect(), (late) => late.release())
    if (this.#destroyed) {
      client.release()
      throw new ClosedError('the channel is closed: open another one')
    }
    // A pool that is wrapped may not say when it connects.
    client.on('error', ignore)
    this.#lent.add(client)
    return client
  }

  give(client: PooledClient, broken: Error | undefined): void {
    if (!this.#lent.delete(client)) return
    client.off('error', ignore)
    client.release(broken)
  }

  /** Only those that are in use: the others are the user's. */
  destroy(): void {
    this.#destroyed = true
    for (const client of [...this.#lent]) this.give(client, new ConnectionError('the channel was closed'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const others = (sharers.get(this.#pool) ?? 1) - 1
    sharers.set(this.#pool, others)
    if (others === 0) this.#pool.off?.('connect', watchErrors)
  }
}

/** How a pool that is ours alone is let go of. */
export interface OwnPool {
  end(): Promise<void>
  /** Breaks its connections at once. */
  destroy(): void
}

/** How long a connection is kept at most, in milliseconds. */
const KEEP_MS = 1_000

/**
 * Connections of a pool that is ours alone. One that was used is kept in hand for a moment: to ask the pool for it again
 * takes as long as all else that happens between a notification and the claim that follows it (measured). Where others
 * wait for one, it is theirs at once.
 */
export class KeptClients implements Clients {
  readonly isOurs = true
  readonly #pool: ClientPool
  readonly #own: OwnPool
  readonly #kept: PooledClient[] = []
  readonly #broken = new WeakMap<PooledClient, Error>()
  readonly #alarm = new Alarm(() => this.#letGo(), false)
  #closed = false

  constructor(pool: ClientPool, own: OwnPool) {
    this.#pool = pool
    this.#own = own
    pool.on?.('connect', (client) => client.on('error', (error) => this.#broken.set(client, error)))
  }

  take(): PooledClient | Promise<PooledClient> {
    for (let client = this.#kept.pop(); client !== undefined; client = this.#kept.pop()) {
      const broken = this.#broken.get(client)
      if (broken === undefined) return client
      client.release(broken)
    }
    return this.#pool.connect()
  }

  give(client: PooledClient, broken = this.#broken.get(client)): void {
    const isWanted = (this.#pool.waitingCount ?? 0) > 0
    if (broken !== undefined || isWanted || this.#closed) {
      client.release(broken)
      return
    }
    this.#kept.push(client)
    if (!this.#alarm.isSet) this.#alarm.set(KEEP_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#alarm.clear()
    this.#letGo()
    await this.#own.end()
  }

  destroy(): void {
    this.#own.destroy()
  }

  #letGo(): void {
    for (const client of this.#kept.splice(0)) client.release(this.#broken.get(client))
  }
}

/**
 * A connection may break in the very packet that says it is ready, before whoever asked for it can listen, or when it was
 * given up already; an error that nobody listens to ends the process. Who uses the connection hears of it in any case.
 */
function watchErrors(client: PooledClient): void {
  client.on('error', ignore)
}

function ignore(): void {}
