import { ConnectionError } from '../errors.js'
import { backoffMs, sleep } from '../wait.js'

/**
 * Does work again whose connection broke before the answer, with growing pauses; the work sees to it that doing it twice
 * does no harm.
 * @param work told which attempt it is, from 1
 */
export async function retryOnBrokenConnection<Result>(
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
