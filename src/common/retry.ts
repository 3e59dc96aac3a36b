import { sleep } from './wait.js'

/** How long to wait between attempts, where nothing else is said: 1 s to 10 min, doubling, with full jitter. */
export const BACKOFF = { minMs: 1_000, maxMs: 600_000, factor: 2, jitter: true }

type Backoff = { readonly [Option in keyof typeof BACKOFF]?: (typeof BACKOFF)[Option] | undefined }

/**
 * The delay before the next attempt, in milliseconds, after `attempt` attempts (1 after the first).
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ for full jitter
 */
export function backoffMs(attempt: number, options: Backoff = {}): number {
  const { minMs = BACKOFF.minMs, maxMs = BACKOFF.maxMs, factor = BACKOFF.factor, jitter = BACKOFF.jitter } = options
  const ceilingMs = Math.min(maxMs, minMs * factor ** (attempt - 1))
  return Math.round(jitter ? Math.random() * ceilingMs : ceilingMs)
}

/** When work that failed is done again. */
export interface RetryPolicy {
  /** @param attempt how often it has been done */
  isWorthAnother(error: unknown, attempt: number): boolean
  /** The pause after the n-th attempt, in milliseconds. */
  pauseMs(attempt: number): number
  /** Its end cuts a pause short. */
  readonly signal?: AbortSignal
}

/**
 * Does work until it succeeds, or is not worth another attempt: then it rejects with the last error.
 * @param work told which attempt it is, 1 for the first
 */
export async function retry<Result>(
  { isWorthAnother, pauseMs, signal }: RetryPolicy,
  work: (attempt: number) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt)
    } catch (error) {
      if (!isWorthAnother(error, attempt)) throw error
      await sleep(pauseMs(attempt), signal)
    }
  }
}
