import { ConnectionError } from './errors.js'

interface Waiting<In, Out> {
  readonly item: In
  resolve(answer: Out): void
  reject(error: unknown): void
}

/**
 * Gathers what callers ask for while a round trip is in flight and sends it together in the next one. A lone call goes
 * at once; nobody waits for company. (Group commit, as databases do it with their own log.)
 */
export class Coalescer<In, Out> {
  readonly #flush: (items: readonly In[]) => Promise<readonly Out[]>
  readonly #limit: number
  #waiting: Waiting<In, Out>[] = []
  #running: Promise<void> | undefined

  /**
   * @param limit most items in one flush
   * @param flush does the work for many, all or none; answers in order. When it is refused, each item goes alone, so that a
   *   bad one rejects only its own call; when the connection broke, all of them get that
   */
  constructor(limit: number, flush: (items: readonly In[]) => Promise<readonly Out[]>) {
    this.#limit = limit
    this.#flush = flush
  }

  add(item: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when nothing is waiting or in flight. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    // Lets the callers of this very tick join the first flush.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#send(this.#waiting.splice(0, this.#limit))
    this.#running = undefined
  }

  async #send(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const answers = await this.#flush(batch.map(({ item }) => item))
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Out)
    } catch (error) {
      if (error instanceof ConnectionError || batch.length === 1) for (const { reject } of batch) reject(error)
      else for (const waiting of batch) await this.#send([waiting])
    }
  }
}
