import { ConnectionError } from '../errors.js'
import { backoffMs, sleep } from '../wait.js'

/**
 * Does work again when its connection breaks, with growing pauses. From the second attempt on, what the earlier ones
 * asked for may have been done: a connection that breaks before the answer leaves that open.
 * @param attempts how often in all; 6 take 1.5 s at most where the database refuses at once
 */
export async function retryOnBreak<Result>(
  attempts: number,
  work: (attempt: number) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt)
    } catch (error) {
      if (!(error instanceof ConnectionError) || attempt === attempts) throw error
      await sleep(backoffMs(attempt, { minMs: 50, maxMs: 2_000 }))
    }
  }
}
