import { sleep } from './wait.js'

/** How long to wait between attempts. */
export interface BackoffOptions {
  /** First delay, in milliseconds. @default 1_000 */
  readonly minMs?: number
  /** Longest delay, in milliseconds. @default 600_000 */
  readonly maxMs?: number
  /** Growth from one attempt to the next. @default 2 */
  readonly factor?: number
  /** `true`: a random delay between 0 and the computed one ("full jitter"); `false`: the computed one. @default true */
  readonly jitter?: boolean
}

/**
 * The delay before the next attempt, in milliseconds, after `attempt` attempts (1 after the first).
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ for full jitter
 */
export function backoffMs(attempt: number, options: BackoffOptions = {}): number {
  const { minMs = 1_000, maxMs = 600_000, factor = 2, jitter = true } = options
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
