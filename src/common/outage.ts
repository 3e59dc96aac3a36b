import { ClosedError, ConfigurationError, describe, MigrationError, UnsupportedError } from './errors.js'
import type { Logger } from './logger.js'
import { backoffMs } from './retry.js'
import { sleep } from './wait.js'

/** Whether trying the same again is pointless until a person changes something. */
export function isFinal(error: unknown): boolean {
  return (
    error instanceof ConfigurationError ||
    error instanceof MigrationError ||
    error instanceof UnsupportedError ||
    error instanceof ClosedError
  )
}

/** A background task's bad times: logs when they begin and when they are over, not each time it fails. */
export class Outage {
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

/**
 * Does work again for as long as it may still succeed: until a person has to change something, or the signal aborts.
 * @throws what the work failed with last
 */
export async function throughOutage<Result>(
  outage: Outage,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    try {
      const result = await work()
      outage.end()
      return result
    } catch (error) {
      if (isFinal(error) || signal.aborted) throw error
      await sleep(outage.begin(error), signal)
      if (signal.aborted) throw error
    }
  }
}
