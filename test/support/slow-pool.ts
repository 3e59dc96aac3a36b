import pg from 'pg'
import { type Deferred, defer } from '../../src/common/wait.js'

/** A pool of a user's whose connections are waited for while it is held, as when all are in use. */
export class SlowPool implements AsyncDisposable {
  readonly pool: pg.Pool
  #gate: Deferred<void> | undefined

  constructor(url: string, options: pg.PoolConfig = {}) {
    this.pool = new pg.Pool({ connectionString: url, max: 4, ...options })
    this.pool.on('error', () => undefined)
    const connect = this.pool.connect.bind(this.pool) as () => Promise<pg.PoolClient>
    const connectLater = async () => {
      await this.#gate?.promise
      return connect()
    }
    this.pool.connect = connectLater as typeof this.pool.connect
  }

  hold(): void {
    this.#gate ??= defer()
  }

  release(): void {
    this.#gate?.resolve()
    this.#gate = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release()
    await this.pool.end()
  }
}
