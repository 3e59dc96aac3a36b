import { FIRST_ID } from '../../../common/clock.js'
import { ConfigurationError, RowcastError } from '../../../common/errors.js'
import { sleep } from '../../../common/wait.js'
import type { StartPosition } from '../../../options/options.js'
import type { SqlContext } from '../context.js'
import { type Sequenced, sequence } from '../verbs/sequence.js'
import { LogHead } from './log-head.js'

/** Most events that get their position in one statement where all that wait are to have one. */
const LARGE_BATCH = 4_000
/**
 * Most bytes of events that come back along with their positions. The lock of the log is held until they have been sent: to
 * a process that stands still, no more may be sent than the connection holds.
 */
export const MOST_BYTES = 2 ** 15
/** How soon to look again while another process gives positions, in milliseconds. */
const CONTENDED_MS = 2
/** Longest to wait until everything that was committed before has its position, in milliseconds. */
const SETTLE_MS = 10_000

/** Gives positions to the events of a log that have been committed, a batch at a time. */
export class Positions {
  readonly head: LogHead
  readonly #context: SqlContext

  constructor(context: SqlContext) {
    this.#context = context
    this.head = new LogHead(context)
  }

  /**
   * One batch.
   * @param channels whose ends are asked for
   * @param limit most events
   * @param fromId the first id to look at
   */
  async give(channels: readonly string[], limit: number, fromId: string): Promise<Sequenced> {
    const { clock, database, options } = this.#context
    const mostBytes = channels.length === 0 ? 0 : MOST_BYTES
    const question = sequence({ channels, limit, fromId, mostBytes, maxAttempts: options.maxAttempts })
    const sequenced = await this.#giving(() => database.run(question))
    clock.observe(sequenced.nowMs)
    return sequenced
  }

  /** Gives positions to everything that was committed before the call, if time allows; returns the last. */
  async giveAll(withinMs = SETTLE_MS): Promise<number> {
    const deadline = performance.now() + withinMs
    for (;;) {
      const { until, isWaiting, before } = await this.give([], LARGE_BATCH, FIRST_ID)
      // Where a pass says from which position it went on, what it left room for was committed while it was under way.
      const isAll = !isWaiting || (before !== undefined && until - before < LARGE_BATCH)
      if (isAll || performance.now() > deadline) return until
      await sleep(CONTENDED_MS)
    }
  }

  /**
   * The position of a place.
   * @throws {ConfigurationError} when it lies beyond the last event
   */
  async resolve(place: StartPosition): Promise<number> {
    if (place === 'earliest' || place === 0) return 0
    const last = await this.giveAll()
    if (place === 'latest') return last
    if (place > last) throw new ConfigurationError(`position ${place} is beyond the last event, which has ${last}`)
    return place
  }

  async #giving(give: () => Promise<Sequenced | undefined>): Promise<Sequenced> {
    const first = await this.head.giving(give)
    if (first !== undefined) return first
    await this.head.restore()
    const second = await give()
    if (second !== undefined) return second
    throw new RowcastError('DATABASE', 'the log has no last position (table log_head), and none could be restored')
  }
}
