/** Longest time that a timer takes, in milliseconds: a longer one would ring at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** One timer, which is set anew as often as is wanted; it rings once. */
export class Alarm {
  readonly #onRing: () => void
  readonly #keepsAlive: boolean
  #timer: NodeJS.Timeout | undefined

  /** @param keepsAlive whether the process goes on while it is set. @default true */
  constructor(onRing: () => void, keepsAlive = true) {
    this.#onRing = onRing
    this.#keepsAlive = keepsAlive
  }

  get isSet(): boolean {
    return this.#timer !== undefined
  }

  /** In so many milliseconds, and not when it was to ring before. */
  set(inMs: number): void {
    clearTimeout(this.#timer)
    const laterMs = inMs - MAX_TIMER_MS
    this.#timer = setTimeout(() => (laterMs > 0 ? this.set(laterMs) : this.#ring()), Math.min(inMs, MAX_TIMER_MS))
    if (!this.#keepsAlive) this.#timer.unref()
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #ring(): void {
    this.#timer = undefined
    this.#onRing()
  }
}
