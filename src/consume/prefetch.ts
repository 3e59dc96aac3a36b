/** How much work 'auto' keeps ahead, in milliseconds of the measured rate, and in events. */
const AHEAD_MS = 250
const MAX_AHEAD = 1_500
/** Shortest time that a rate is measured over, in milliseconds. */
const WINDOW_MS = 20
/** How much of the mean handling time the newest sample makes up. */
const SAMPLE_SHARE = 0.2

/**
 * How many events to keep claimed ahead of a consumer: a fixed number, or what it settles in a fraction of a second, so
 * that slow handlers do not hoard what others could work on.
 *
 * A hundred slow handlers that began together also end together, and for a moment settle at a high rate. So the rate is held
 * below the rate that this number of events in hand allows when each takes as long as one does (Little's law).
 */
export class Prefetch {
  readonly #fixed: number | undefined
  #perMs = 0
  #settled = 0
  #sinceMs = performance.now()
  #inHand = 0
  #mostInHand = 0
  /** The one event whose handling is timed, and since when; one at a time, since looking at the clock for each costs. */
  #sample: object | undefined
  #sampledAtMs = 0
  #handlingMs: number | undefined

  constructor(prefetch: number | 'auto') {
    this.#fixed = prefetch === 'auto' ? undefined : prefetch
  }

  /** The consumer was handed an event. */
  onHandedOut(event: object): void {
    if (++this.#inHand > this.#mostInHand) this.#mostInHand = this.#inHand
    if (this.#sample !== undefined) return
    this.#sample = event
    this.#sampledAtMs = performance.now()
  }

  /** The consumer is done with an event: it settles it, or asks for the next. */
  onDone(event: object): void {
    this.#inHand--
    if (event !== this.#sample) return
    const tookMs = performance.now() - this.#sampledAtMs
    this.#sample = undefined
    this.#handlingMs =
      this.#handlingMs === undefined ? tookMs : this.#handlingMs + (tookMs - this.#handlingMs) * SAMPLE_SHARE
  }

  onSettled(): void {
    this.#settled++
  }

  /** Events to keep ahead, 0 for a slow consumer. */
  get target(): number {
    if (this.#fixed !== undefined) return this.#fixed
    this.#measure()
    return Math.min(MAX_AHEAD, Math.floor(Math.min(this.#perMs, this.#possiblePerMs) * AHEAD_MS))
  }

  /** What the consumer can come to. An event that is in hand for long already says more than those that were done before. */
  get #possiblePerMs(): number {
    const soFarMs = this.#sample === undefined ? 0 : performance.now() - this.#sampledAtMs
    const handlingMs = Math.max(this.#handlingMs ?? 0, soFarMs)
    return handlingMs === 0 ? Number.POSITIVE_INFINITY : this.#mostInHand / handlingMs
  }

  /** Follows a rise at once and a fall by halves. */
  #measure(): void {
    const elapsedMs = performance.now() - this.#sinceMs
    if (elapsedMs < WINDOW_MS) return
    const perMs = this.#settled / elapsedMs
    this.#perMs = Math.max(perMs, (this.#perMs + perMs) / 2)
    this.#settled = 0
    this.#sinceMs = performance.now()
  }
}
