/** A full scan is cheap up to this long, and this much longer for each event that it finds, in milliseconds. */
const CHEAP_MS = 3
const CHEAP_EVENT_MS = 0.05
/** A full scan counts as expensive only above this multiple of the fastest partial scan; below it, the time is network latency. */
const FAR_FACTOR = 2
/** A partial scan that takes longer than this, in milliseconds, says nothing about the network. */
const FARTHEST_MS = 100
/** Full scans that were taken for network latency use up the trust in it: a scan of this many milliseconds uses up all of it. */
const DOUBT_MS = 500
/** After an expensive full scan there is no other for this multiple of its duration, at most this many milliseconds. */
const REST_FACTOR = 20
const MAX_REST_MS = 1_000

/**
 * Full-scan throttle: says when to scan a table from its start, and when from the last known live entry (a partial scan). While
 * a transaction elsewhere stays open, databases with row versions keep the index entries of every event that is gone, and a full
 * scan walks over all of them. Where that is expensive, full scans are made seldom.
 */
export class ScanThrottle {
  readonly #cheapMs: number
  #restUntilMs = Number.NEGATIVE_INFINITY
  /** The duration of the fastest partial scan since the last expensive full scan, in milliseconds. */
  #nearerMs = Number.POSITIVE_INFINITY

  /** @param cheapMs up to which duration a full scan without events is cheap, in milliseconds */
  constructor(cheapMs = CHEAP_MS) {
    this.#cheapMs = cheapMs
  }

  /** In how many milliseconds the next full scan is due; 0 when it is. */
  get restMs(): number {
    return Math.max(0, this.#restUntilMs - performance.now())
  }

  /** Takes note of a partial scan: its duration, and how many events it found. */
  noteNearer(tookMs: number, events: number): void {
    // With many events, latency and work cannot be told apart.
    const isTelling = tookMs <= FARTHEST_MS && events * CHEAP_EVENT_MS <= this.#cheapMs
    if (isTelling) this.#nearerMs = Math.min(this.#nearerMs, tookMs)
  }

  /** Takes note of a full scan: its duration, and how many events it found. */
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
