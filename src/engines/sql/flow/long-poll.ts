import { ConnectionError } from '../../../common/errors.js'
import { Outage } from '../../../common/outage.js'
import { detach } from '../../../common/wait.js'
import type { SqlContext } from '../context.js'
import type { Question } from '../unit-of-work.js'
import type { Rhythm } from './rhythm.js'

/** Longest that one waits, in milliseconds: servers end statements that take longer than their users expect. */
const MOST_MS = 1_000
/** Shortest that is worth a statement, in milliseconds. */
const LEAST_MS = 10
/** Most channels of one: each nap ends with a read for each. */
const MOST_CHANNELS = 1_000
/** Only when nothing has come for so long, in milliseconds: a stream of events needs no watch. */
const QUIET_MS = 20
/** How long a refusal counts, in milliseconds: there was no connection for it, or there was none at all … */
const SHORT_REST_MS = 1_000
/** … or the server did not do it. */
const LONG_REST_MS = 60_000
/** So many probes are to confirm what one saw, before the next one begins. */
const MOST_CONFIRMATIONS = 8

/** Waits at the server, looking after each nap, in seconds, until there is something; answers whether there is. */
export type LongQuestion = (naps: readonly number[]) => Question<boolean>

/**
 * Probes at the server rather than here, where the database can: one statement reads, sleeps and reads again until there is
 * something, which costs neither side a round trip. It sees what is not committed yet, so that probes from here confirm it:
 * at once, and then after pauses that grow to what the rhythm wants.
 */
export class LongPoll {
  readonly #context: SqlContext
  readonly #rhythm: Rhythm
  readonly #onEnd: (found: boolean) => void
  readonly #outage: Outage
  readonly #stopping = new AbortController()
  #covered: ReadonlySet<string> | undefined
  #restUntilMs = Number.NEGATIVE_INFINITY
  /** Probes that have not confirmed what was seen, so far; `undefined` when nothing was. */
  #unconfirmed: number | undefined

  /** @param onEnd told whether something was seen */
  constructor(context: SqlContext, rhythm: Rhythm, onEnd: (found: boolean) => void) {
    this.#context = context
    this.#rhythm = rhythm
    this.#onEnd = onEnd
    this.#outage = new Outage(context.options.logger, 'waiting at the server for events')
  }

  get isUnderWay(): boolean {
    return this.#covered !== undefined
  }

  /** Whether one is to begin when somebody waits. */
  get isWanted(): boolean {
    return (
      this.#context.database.longPoll !== undefined &&
      this.#covered === undefined &&
      this.#unconfirmed === undefined &&
      this.#rhythm.quietMs >= QUIET_MS &&
      performance.now() >= this.#restUntilMs
    )
  }

  /** In how many milliseconds the next probe is to confirm what was seen; infinity when nothing was. */
  get confirmMs(): number {
    return this.#unconfirmed === undefined ? Number.POSITIVE_INFINITY : 2 ** (this.#unconfirmed - 1)
  }

  /** Whether one is under way that tells of all these channels. */
  covers(channels: () => readonly string[]): boolean {
    const covered = this.#covered
    return covered !== undefined && channels().every((channel) => covered.has(channel))
  }

  /** @returns whether it began */
  begin(question: LongQuestion, channels: readonly string[], forMs: number, pollIntervalMs: number): boolean {
    const { longPoll } = this.#context.database
    const ms = Math.min(forMs, MOST_MS)
    if (longPoll === undefined || ms < LEAST_MS || channels.length > MOST_CHANNELS) return false
    const naps = this.#rhythm.pausesFor(ms, pollIntervalMs).map((napMs) => napMs / 1_000)
    this.#covered = new Set(channels)
    detach(this.#wait(longPoll(question(naps), this.#stopping.signal)))
    return true
  }

  /** A look has seen all that is committed, or nobody waits for anything. */
  forget(): void {
    this.#unconfirmed = undefined
  }

  /** A probe from here has found something committed, or nothing. */
  noteProbe(hasFound: boolean): void {
    if (this.#unconfirmed === undefined) return
    this.#unconfirmed++
    if (hasFound || this.#unconfirmed === MOST_CONFIRMATIONS) this.#unconfirmed = undefined
  }

  /** For good. */
  stop(): void {
    this.#stopping.abort()
  }

  async #wait(polling: Promise<boolean | undefined>): Promise<void> {
    let found = false
    try {
      const answer = await polling
      this.#outage.end()
      if (answer === undefined) this.#rest(SHORT_REST_MS)
      else found = answer
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      const isAway = error instanceof ConnectionError
      this.#rest(isAway ? SHORT_REST_MS : LONG_REST_MS)
      if (!isAway) this.#outage.begin(error)
    }
    this.#covered = undefined
    if (found) this.#unconfirmed = 0
    this.#onEnd(found)
  }

  #rest(ms: number): void {
    this.#restUntilMs = performance.now() + ms
  }
}
