import { Trouble } from '../trouble.js'
import type { BackendContext } from './backend.js'

/** Rows deleted in one statement, and the longest pause between two rounds, in milliseconds. */
const LIMIT = 1_000
const MAX_INTERVAL_MS = 60_000
const MIN_INTERVAL_MS = 1_000

/** Enforces the retention time on one table, a little at a time. */
export class Purge implements AsyncDisposable {
  readonly #context: BackendContext
  readonly #verb: 'purge' | 'purge_spill'
  readonly #retentionMs: number
  readonly #trouble: Trouble
  #timer: NodeJS.Timeout | undefined
  #purging: Promise<void> | undefined
  #closed = false

  constructor(context: BackendContext, verb: 'purge' | 'purge_spill', retentionMs: number) {
    this.#context = context
    this.#verb = verb
    this.#retentionMs = retentionMs
    this.#trouble = new Trouble(context.options.logger, 'purging what is older than the retention time')
    this.#schedule()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#purging
  }

  #schedule(): void {
    if (this.#closed) return
    const paceMs = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, this.#retentionMs / 10))
    // Many processes purge the same table: spread them. The timer alone keeps no process alive.
    this.#timer = setTimeout(
      () => {
        this.#purging = this.#purge().finally(() => this.#schedule())
      },
      paceMs * (0.5 + Math.random()),
    ).unref()
  }

  async #purge(): Promise<void> {
    const parameters = { retention_ms: this.#retentionMs, limit: LIMIT }
    try {
      while (!this.#closed) {
        const purged = await this.#context.adapter.run(this.#verb, parameters)
        if (purged.length < LIMIT) break
      }
      this.#trouble.end()
    } catch (error) {
      this.#trouble.begin(error)
    }
  }
}
