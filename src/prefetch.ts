/** How much work 'auto' keeps ahead, in milliseconds of the measured rate, and in events. */
const AHEAD_MS = 250
const MAX_AHEAD = 1_500
/** Shortest time that a rate is measured over, in milliseconds. */
const WINDOW_MS = 20

/**
 * How many events to keep claimed ahead of a consumer: a fixed number, or what it settles in a fraction of a second, so
 * that slow handlers do not hoard what others could work on.
 */
export class Prefetch {
  readonly #fixed: number | undefined
  #perMs = 0
  #settled = 0
  #sinceMs = performance.now()

  constructor(prefetch: number | 'auto') {
    this.#fixed = prefetch === 'auto' ? undefined : prefetch
  }

  onSettled(): void {
    this.#settled++
  }

  /** Events to keep ahead, 0 for a slow consumer. */
  get target(): number {
    if (this.#fixed !== undefined) return this.#fixed
    this.#measure()
    return Math.min(MAX_AHEAD, Math.floor(this.#perMs * AHEAD_MS))
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
