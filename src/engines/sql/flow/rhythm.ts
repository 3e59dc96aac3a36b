import { smallest } from '../../../common/numbers.js'

/** Shortest pause between two probes, in milliseconds. */
const MIN_PAUSE_MS = 6
/** The pause is this part of how long nothing has come: 6 ms for the first 2.4 s, 25 ms after 10 s … */
const QUIET_PART = 1 / 400
/** … and at most this part of the poll interval: 150 ms by default. */
const MAX_PART = 0.15
/** The pause after a probe is at least this multiple of its duration: a probe that is slow to come back is sent less often. */
const REST_FACTOR = 2
/** And this multiple of the time that the server worked on it: probes take 2 % of a core at most. */
const WORK_FACTOR = 50
/** A probe that takes less is the way there and back, and the noise of a busy machine, in milliseconds. */
const CHEAP_MS = 2
/** The fastest of this number of probes is what a probe takes when nothing is in its way. */
const REMEMBERED = 8
/** Most pauses that are planned at once. */
const MOST_PAUSES = 1_000
/** How old what is known of the way may be, in milliseconds. */
const WAY_AGE_MS = 1_000

/**
 * How often to ask whether something has come, where no hint tells: often while events come, less often the longer none
 * has, so that a consumer who waits for a rare event costs next to nothing.
 */
export class Rhythm {
  readonly #nowMs: () => number
  readonly #lastTookMs: number[] = []
  #stirredAtMs: number
  #wayMs = Number.POSITIVE_INFINITY
  #wayKnownAtMs = Number.NEGATIVE_INFINITY

  /** @param nowMs the clock, in milliseconds */
  constructor(nowMs = () => performance.now()) {
    this.#nowMs = nowMs
    this.#stirredAtMs = nowMs()
  }

  /** Something has come: more is likely soon. */
  stir(): void {
    this.#stirredAtMs = this.#nowMs()
  }

  /** Whether probes take so long that the way there has to be measured, by a question that is no work. */
  get isWayWanted(): boolean {
    return this.#quickestMs > CHEAP_MS && this.#nowMs() - this.#wayKnownAtMs > WAY_AGE_MS
  }

  /** A probe took so long. */
  note(tookMs: number): void {
    this.#lastTookMs.push(tookMs)
    if (this.#lastTookMs.length > REMEMBERED) this.#lastTookMs.shift()
  }

  /** A question that is no work took so long. */
  noteWay(tookMs: number): void {
    this.#wayKnownAtMs = this.#nowMs()
    this.#wayMs = tookMs
  }

  /** How long nothing has come, in milliseconds. */
  get quietMs(): number {
    return this.#nowMs() - this.#stirredAtMs
  }

  /** The pauses of the next `ms` milliseconds where the server probes by itself: half as long, each in milliseconds. */
  pausesFor(ms: number, pollIntervalMs: number): readonly number[] {
    const pauses: number[] = []
    for (let passedMs = 0; passedMs < ms && pauses.length < MOST_PAUSES; ) {
      const pauseMs = Math.min(this.pauseMs(pollIntervalMs, this.quietMs + passedMs) / 2, ms - passedMs)
      pauses.push(pauseMs)
      passedMs += pauseMs
    }
    return pauses
  }

  /** How long to wait before the next probe, in milliseconds, when nothing has come for so long. */
  pauseMs(pollIntervalMs: number, quietMs = this.quietMs): number {
    const pauseMs = Math.max(MIN_PAUSE_MS, Math.min(quietMs * QUIET_PART, pollIntervalMs * MAX_PART))
    return Math.max(pauseMs, REST_FACTOR * (this.#lastTookMs.at(-1) ?? 0), WORK_FACTOR * this.#workMs)
  }

  get #quickestMs(): number {
    // The first of a connection prepares its statement, which is a way more.
    return this.#lastTookMs.length < REMEMBERED ? 0 : smallest(this.#lastTookMs)
  }

  get #workMs(): number {
    return this.#quickestMs <= CHEAP_MS ? 0 : Math.max(0, this.#quickestMs - this.#wayMs)
  }
}
