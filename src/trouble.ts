import { ConfigurationError, ConnectionError, describe, MigrationError, UnsupportedError } from './errors.js'
import type { Logger } from './logger.js'
import { backoffMs, sleep } from './wait.js'

/** Whether trying the same again is pointless until a person changes something. */
export function isFinal(error: unknown): boolean {
  return error instanceof ConfigurationError || error instanceof MigrationError || error instanceof UnsupportedError
}

/** A background task's bad times: logs when they begin and when they are over, not each time it fails. */
export class Trouble {
  readonly #logger: Logger
  readonly #task: string
  #failures = 0

  constructor(logger: Logger, task: string) {
    this.#logger = logger
    this.#task = task
  }

  /** Takes note of a failure; returns how long to wait before the next attempt, in milliseconds. */
  begin(error: unknown): number {
    this.#failures++
    if (this.#failures === 1) this.#logger.warn(`${this.#task} failed and is tried again`, { error: describe(error) })
    return 50 + backoffMs(this.#failures, { minMs: 50, maxMs: 2_000 })
  }

  end(): void {
    if (this.#failures > 0) this.#logger.info(`${this.#task} works again`, { failures: this.#failures })
    this.#failures = 0
  }
}

/** How often work is tried over connections that break, with growing pauses: about half a minute. */
const ATTEMPTS = 20

/** Does work again while its connection breaks; in the end, or when stopped, passes the error on. */
export async function throughTrouble<Result>(
  trouble: Trouble,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await work()
      trouble.end()
      return result
    } catch (error) {
      if (!(error instanceof ConnectionError) || attempt >= ATTEMPTS || signal.aborted) throw error
      await sleep(trouble.begin(error), signal)
    }
  }
}
