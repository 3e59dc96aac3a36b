/** What a look may take, and each event in it, before looking from the true start seems to cost, in milliseconds. */
const CHEAP_MS = 3
const CHEAP_EVENT_MS = 0.05
/** It is not dear, however long it takes, up to so many times what one that starts nearer takes: the way there is long. */
const FAR_FACTOR = 2
/** How much the last one that started nearer counts beside those before, and what is left of them when none does. */
const NEWEST_SHARE = 0.25
const DOUBT_FACTOR = 0.98
/** One that takes longer is paid for by so many times its duration without another, at most so many milliseconds. */
const REST_FACTOR = 20
const MAX_REST_MS = 1_000

/**
 * How often to look through a table from its true start. While a transaction elsewhere stays open, databases with row
 * versions keep the index entries of every event that is gone, and a look from the true start walks over all of them. Where
 * that takes long, it is done now and then, and in between the look starts nearer.
 */
export class DearLook {
  readonly #cheapMs: number
  #restUntilMs = Number.NEGATIVE_INFINITY
  /** What one that started nearer took besides its events, of late. */
  #nearerMs = 0

  /** @param cheapMs what one may take besides its events, in milliseconds */
  constructor(cheapMs = CHEAP_MS) {
    this.#cheapMs = cheapMs
  }

  /** In how many milliseconds the next look from the true start is due; 0 when it is. */
  get restMs(): number {
    return Math.max(0, this.#restUntilMs - performance.now())
  }

  /** One that started nearer took so long, with so many events. */
  noteNearer(tookMs: number, events: number): void {
    const ms = Math.max(0, tookMs - events * CHEAP_EVENT_MS)
    this.#nearerMs += this.#nearerMs === 0 ? ms : (ms - this.#nearerMs) * NEWEST_SHARE
  }

  /** One from the true start took so long, with so many events. */
  note(tookMs: number, events: number): void {
    const ms = tookMs - events * CHEAP_EVENT_MS
    if (ms <= this.#cheapMs) return
    if (ms <= this.#nearerMs * FAR_FACTOR) this.#nearerMs *= DOUBT_FACTOR
    else this.#restUntilMs = performance.now() + Math.min(MAX_REST_MS, REST_FACTOR * tookMs)
  }
}
