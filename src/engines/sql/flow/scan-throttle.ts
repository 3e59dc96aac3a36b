/** What a look may take, and each event in it, before looking from the true start seems to cost, in milliseconds. */
const CHEAP_MS = 3
const CHEAP_EVENT_MS = 0.05
/** It is not dear, however long it takes, up to so many times what one that starts nearer takes: the way there is long. */
const FAR_FACTOR = 2
/** No database is farther away than this, in milliseconds. */
const FARTHEST_MS = 100
/** Each one that passes so makes that less certain, by its share of so many milliseconds. */
const DOUBT_MS = 500
/** One that takes longer is paid for by so many times its duration without another, at most so many milliseconds. */
const REST_FACTOR = 20
const MAX_REST_MS = 1_000

/**
 * How often to look through a table from its true start. While a transaction elsewhere stays open, databases with row
 * versions keep the index entries of every event that is gone, and a look from the true start walks over all of them. Where
 * that takes long, it is done now and then, and in between the look starts nearer.
 */
export class ScanThrottle {
  readonly #cheapMs: number
  #restUntilMs = Number.NEGATIVE_INFINITY
  /** What the quickest one that started nearer took besides its events, since the last that was dear. */
  #nearerMs = Number.POSITIVE_INFINITY

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
    // Of many events, it is not known what is the way and what the work.
    const isTelling = tookMs <= FARTHEST_MS && events * CHEAP_EVENT_MS <= this.#cheapMs
    if (isTelling) this.#nearerMs = Math.min(this.#nearerMs, tookMs)
  }

  /** One from the true start took so long, with so many events. */
  note(tookMs: number, events: number): void {
    const ms = tookMs - events * CHEAP_EVENT_MS
    if (ms <= this.#cheapMs) return
    if (this.#isFar(ms)) this.#nearerMs *= Math.max(0, 1 - ms / DOUBT_MS)
    else this.#rest(tookMs)
  }

  #isFar(ms: number): boolean {
    return this.#nearerMs !== Number.POSITIVE_INFINITY && ms <= this.#nearerMs * FAR_FACTOR
  }

  #rest(tookMs: number): void {
    this.#restUntilMs = performance.now() + Math.min(MAX_REST_MS, REST_FACTOR * tookMs)
    this.#nearerMs = Number.POSITIVE_INFINITY
  }
}
