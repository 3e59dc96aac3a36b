import { ConnectionError } from '../../../common/errors.js'
import { defer, detach } from '../../../common/wait.js'

/** After this long without an answer a connection counts as broken, in milliseconds. */
export const ANSWER_LIMIT_MS = 30_000
/** How often is looked whose time is over, in milliseconds. */
const LOOK_MS = 500

interface Waiting {
  looksLeft: number
  readonly giveUp: () => void
}

/** Whoever waits for an answer in this process. */
const waiting = new Set<Waiting>()
let timer: NodeJS.Timeout | undefined

/**
 * Waits for the answer of a database, but not for ever. One timer looks after all who wait: one for each would take as long
 * as making the event (a twentieth of a lone publish). It counts looks rather than time, so that a process that stood still
 * reads what has arrived meanwhile before it gives up.
 * @param database how the error calls it
 * @param limitMs give or take a look
 * @throws {ConnectionError} when there is none in time; the connection is of no use any more
 */
export function inTime<Answer>(database: string, work: Promise<Answer>, limitMs = ANSWER_LIMIT_MS): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      waiting.delete(entry)
      reject(noAnswer(database, limitMs))
    }
    const entry: Waiting = { looksLeft: Math.ceil(limitMs / LOOK_MS) + 1, giveUp }
    waiting.add(entry)
    timer ??= setInterval(look, LOOK_MS).unref()
    work.then(
      (answer) => {
        waiting.delete(entry)
        resolve(answer)
      },
      (error: unknown) => {
        waiting.delete(entry)
        reject(error)
      },
    )
  })
}

/** Time for some work and all that it waits for. */
export class TimeLimit {
  readonly #endMs: number

  constructor(readonly ms: number) {
    this.#endMs = performance.now() + ms
  }

  get leftMs(): number {
    return Math.max(0, this.#endMs - performance.now())
  }
}

/**
 * The same with a timer of its own, for the few that cannot wait for a look. What has arrived is read first, here too.
 * @throws {ConnectionError} when the time is over
 */
export async function withinLimit<Answer>(database: string, work: Promise<Answer>, limit: TimeLimit): Promise<Answer> {
  const late = defer<never>()
  const timer = setTimeout(() => {
    setImmediate(() => late.reject(noAnswer(database, limit.ms)))
  }, limit.leftMs)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
    detach(work)
    detach(late.promise)
  }
}

function noAnswer(database: string, limitMs: number): ConnectionError {
  return new ConnectionError(
    `${database} gave no answer within ${Math.round(limitMs)} ms: check the server and the network`,
  )
}

function look(): void {
  for (const entry of waiting) if (--entry.looksLeft === 0) entry.giveUp()
  if (waiting.size > 0) return
  clearInterval(timer)
  timer = undefined
}
