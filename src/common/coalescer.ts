import { answerTogether, type Call } from './calls.js'
import { Background } from './wait.js'

/** When more than one flush may be in flight. */
export interface Patience {
  /** A flush that takes longer, in milliseconds, holds up the others no more: the next one leaves beside it. */
  readonly lateMs: number
  /** Most flushes in flight. */
  readonly flights: number
}

/**
 * Gathers what callers ask for while a round trip is in flight and sends it together in the next one. A lone call goes
 * at once; it does not wait for company. (Group commit, as databases do it with their own log.)
 */
export class Coalescer<In, Out> {
  readonly #flush: (items: readonly In[]) => Promise<readonly Out[]>
  readonly #limit: () => number
  readonly #patience: Patience
  #waiting: Call<In, Out>[] = []
  readonly #flights = new Background()
  /** Of the flights, those that take too long. */
  #late = 0

  /**
   * @param limit most items in the next flush
   * @param flush does the work for many, all or none; answers in order. When it is refused for what one item holds, halves
   *   go, down to the bad one; when it is refused for what concerns all, all get that, with those that waited meanwhile
   * @param patience by default, one flush is in flight at a time
   */
  constructor(
    limit: () => number,
    flush: (items: readonly In[]) => Promise<readonly Out[]>,
    patience: Patience = { lateMs: Number.POSITIVE_INFINITY, flights: 1 },
  ) {
    this.#limit = limit
    this.#flush = flush
    this.#patience = patience
  }

  add(item: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#start()
    })
  }

  /** Resolves when nothing is waiting or in flight. */
  idle(): Promise<void> {
    return this.#flights.drained()
  }

  /** Nothing more is sent; what waits is rejected. */
  abandon(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }

  #start(): void {
    const { running } = this.#flights
    if (this.#waiting.length === 0 || running > this.#late || running === this.#patience.flights) return
    this.#flights.begin()
    void this.#run()
  }

  async #run(): Promise<void> {
    // Lets the callers of this very tick join the first flush.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#send(this.#waiting.splice(0, this.#limit()))
    // In this very turn: a call that comes after the last check must find nothing running.
    this.#flights.end()
  }

  async #send(batch: readonly Call<In, Out>[]): Promise<void> {
    const behind = this.#waiting.length
    using _ = this.#watch()
    try {
      await answerTogether(batch, this.#flush)
    } catch (error) {
      // What waited for as long as this was tried is not tried once more: a long line would wait for minutes.
      for (const { reject } of [...batch, ...this.#waiting.splice(0, behind)]) reject(error)
    }
  }

  /** Lets another flight leave when this one takes too long. */
  #watch(): Disposable | undefined {
    const { lateMs } = this.#patience
    if (lateMs === Number.POSITIVE_INFINITY) return undefined
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.#late++
      this.#start()
    }, lateMs).unref()
    return {
      [Symbol.dispose]: () => {
        clearTimeout(timer)
        if (isLate) this.#late--
      },
    }
  }
}
