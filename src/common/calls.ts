import { type ErrorCode, RowcastError } from './errors.js'

/** What a caller asked for and waits for. */
export interface Call<In, Out> {
  readonly item: In
  resolve(answer: Out): void
  reject(error: unknown): void
}

/** How long the halves of a refused flush are tried, in milliseconds; what is left then gets the last error. */
const HALVES_MS = 10_000

/**
 * Sends calls together. Where the flush is refused for what one of them holds, its halves go, and so on, so that a bad one
 * rejects only its own call.
 * @param flush does the work for many, all or none; answers in order
 * @throws what concerns all of them (the connection, contention, the rights): trying each would take as long for each
 */
export async function answerTogether<In, Out>(
  calls: readonly Call<In, Out>[],
  flush: (items: readonly In[]) => Promise<readonly Out[]>,
): Promise<void> {
  let untilMs = Number.POSITIVE_INFINITY
  const send = async (part: readonly Call<In, Out>[]): Promise<void> => {
    try {
      const answers = await flush(part.map(({ item }) => item))
      for (const [index, { resolve }] of part.entries()) resolve(answers[index] as Out)
    } catch (error) {
      if (!isOfOne(error) || performance.now() > untilMs) throw error
      if (part.length === 1) {
        for (const { reject } of part) reject(error)
        return
      }
      untilMs = Math.min(untilMs, performance.now() + HALVES_MS)
      const middle = Math.ceil(part.length / 2)
      await send(part.slice(0, middle))
      await send(part.slice(middle))
    }
  }
  await send(calls)
}

/** Codes of errors that one event among many may be at fault for: a large one may need a table that the others do not. */
const OF_ONE: readonly ErrorCode[] = ['PAYLOAD', 'DATABASE', 'MIGRATION']

function isOfOne(error: unknown): boolean {
  return !(error instanceof RowcastError) || OF_ONE.includes(error.code)
}
