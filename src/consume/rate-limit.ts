import { sleep } from '../common/wait.js'

/**
 * At most `max` starts in any span of `perMs` milliseconds, by the monotonic clock. A sliding window over the starts
 * themselves: fixed windows let twice as many through at their edge.
 */
export class RateLimit {
  readonly #max: number
  readonly #perMs: number
  /** When the newest starts were, oldest first; those before `#first` are out of the window. */
  #starts: number[] = []
  #first = 0

  constructor({ max, perMs }: { readonly max: number; readonly perMs: number }) {
    this.#max = max
    this.#perMs = perMs
  }

  /** How many may start now. */
  get available(): number {
    this.#forget(performance.now())
    return this.#max - (this.#starts.length - this.#first)
  }

  /** Resolves once one may start, or when the signal aborts. */
  async allowed(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.available <= 0) await sleep(this.#waitMs, signal)
  }

  /** Waits for its turn, and takes it; `false` when the signal aborted before. */
  async start(signal: AbortSignal): Promise<boolean> {
    await this.allowed(signal)
    // Another may have taken the turn that both waited for.
    if (!signal.aborted && this.available <= 0) return this.start(signal)
    if (!signal.aborted) this.#starts.push(performance.now())
    return !signal.aborted
  }

  get #waitMs(): number {
    const oldestMs = this.#starts[this.#first] ?? 0
    return Math.max(1, Math.ceil(oldestMs + this.#perMs - performance.now()))
  }

  #forget(nowMs: number): void {
    while (this.#first < this.#starts.length && (this.#starts[this.#first] as number) + this.#perMs <= nowMs)
      this.#first++
    if (this.#first * 2 < this.#starts.length) return
    this.#starts = this.#starts.slice(this.#first)
    this.#first = 0
  }
}
