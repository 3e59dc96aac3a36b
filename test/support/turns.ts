/** How often it looks, in milliseconds. */
const TICK_MS = 5

/** How long this process has worked, on all cores, in milliseconds: unlike time, it does not pass while others have the machine. */
function workedMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** Watches how much this process works between two turns of its event loop. */
export class Turns implements Disposable {
  #lastMs = workedMs()
  #longestMs = 0
  #ticks = 0
  readonly #timer = setInterval(() => this.#tick(), TICK_MS)

  /** The most work between two ticks of a timer, in milliseconds. */
  get longestMs(): number {
    return Math.max(this.#longestMs, workedMs() - this.#lastMs)
  }

  /** How often the timer had its turn. */
  get ticks(): number {
    return this.#ticks
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const nowMs = workedMs()
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs)
    this.#lastMs = nowMs
    this.#ticks++
  }
}
