import type { LogDelivery } from './entry.js'

/** Longest time that a timer takes, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1

interface Retry {
  readonly delivery: LogDelivery
  readonly dueMs: number
}

/** Deliveries of one term that are to be made again, each when it is due. */
export class Retries {
  readonly #onDue: () => void
  #waiting: readonly Retry[] = []
  #alarm: NodeJS.Timeout | undefined

  constructor(onDue: () => void) {
    this.#onDue = onDue
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  add(delivery: LogDelivery, delayMs: number): void {
    const retry = { delivery, dueMs: performance.now() + delayMs }
    this.#keep([...this.#waiting, retry].sort((a, b) => a.dueMs - b.dueMs))
  }

  /** Those that are due, the longest first. */
  take(limit: number): readonly LogDelivery[] {
    if (this.isEmpty) return []
    const now = performance.now()
    const due = this.#waiting.filter(({ dueMs }) => dueMs <= now).slice(0, limit)
    this.#keep(this.#waiting.slice(due.length))
    return due.map(({ delivery }) => delivery)
  }

  /** Nothing is made again, and nobody is told. */
  clear(): void {
    this.#keep([])
  }

  #keep(waiting: readonly Retry[]): void {
    this.#waiting = waiting
    clearTimeout(this.#alarm)
    const [first] = waiting
    if (first === undefined) return
    this.#alarm = setTimeout(this.#onDue, Math.min(MAX_TIMER_MS, Math.max(0, first.dueMs - performance.now())))
  }
}
