import { Alarm } from '../../../common/alarm.js'
import type { Logger } from '../../../common/logger.js'
import { Outage } from '../../../common/outage.js'
import { sleep } from '../../../common/wait.js'

/** Rows deleted in one statement, and the longest pause between two rounds, in milliseconds. */
const LIMIT = 1_000
const MAX_INTERVAL_MS = 60_000
const MIN_INTERVAL_MS = 1_000

/** Enforces the retention time on one table, a little at a time. */
export class Purge implements AsyncDisposable {
  readonly #retentionMs: number
  readonly #purgeSome: (limit: number) => Promise<number>
  readonly #outage: Outage
  readonly #closing = new AbortController()
  /** It alone keeps no process alive. */
  readonly #alarm = new Alarm(() => this.#begin(), false)
  #purging: Promise<void> | undefined

  /** @param purgeSome looks at no more rows than its argument says; returns how many it looked at, and 0 once all are dealt with */
  constructor(logger: Logger, retentionMs: number, purgeSome: (limit: number) => Promise<number>) {
    this.#retentionMs = retentionMs
    this.#purgeSome = purgeSome
    this.#outage = new Outage(logger, 'purging what is older than the retention time')
    this.#schedule()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    this.#alarm.clear()
    await this.#purging
  }

  #schedule(): void {
    if (this.#closing.signal.aborted) return
    const paceMs = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, this.#retentionMs / 10))
    // Many processes purge the same table: spread them.
    this.#alarm.set(paceMs * (0.5 + Math.random()))
  }

  #begin(): void {
    this.#purging = this.#purge().finally(() => this.#schedule())
  }

  /** For as long as it works, it rests: what publishes and consumes meanwhile has the other half of the database. */
  async #purge(): Promise<void> {
    const { signal } = this.#closing
    try {
      let startedMs = performance.now()
      while (!signal.aborted && (await this.#purgeSome(LIMIT)) > 0) {
        await sleep(performance.now() - startedMs, signal)
        startedMs = performance.now()
      }
      this.#outage.end()
    } catch (error) {
      this.#outage.begin(error)
    }
  }
}
