import { ConnectionError, ContentionError } from '../../../common/errors.js'
import { backoffMs, retry } from '../../../common/retry.js'

/**
 * Does work again when its connection breaks, with growing pauses. From the second attempt on, what the earlier ones
 * asked for may have been done: a connection that breaks before the answer leaves that open.
 * @param attempts how often in all; 6 take 1.5 s at most where the database refuses at once
 */
export function retryOnBreak<Result>(attempts: number, work: (attempt: number) => Promise<Result>): Promise<Result> {
  const isWorthAnother = (error: unknown, attempt: number) => error instanceof ConnectionError && attempt < attempts
  return retry({ isWorthAnother, pauseMs }, work)
}

/** Whether an error says nothing about the work: the connection broke, or the server undid the work for another's sake. */
export function isPassing(error: unknown): boolean {
  return error instanceof ConnectionError || error instanceof ContentionError
}

/** How often what settles an event is tried in any case: about as long as a usual lease. */
const SETTLE_ATTEMPTS = 20

/**
 * Whether what settles an event is tried again. As long as its lease is held, nobody else can have it: what passes by itself
 * is waited for.
 * @param attempt how often it has been tried
 */
export function isWorthAnother(error: unknown, attempt: number, isHeld: boolean): boolean {
  return isPassing(error) && (isHeld || attempt < SETTLE_ATTEMPTS)
}

/** The pause after the n-th attempt, in milliseconds. */
export function pauseMs(attempt: number): number {
  return backoffMs(attempt, { minMs: 50, maxMs: 2_000 })
}
