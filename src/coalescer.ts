import { ConnectionError } from './errors.js'
import { type Deferred, defer } from './wait.js'

/** Fewer than these go all together: a round trip costs as much as so many items. */
const MIN_SHARE = 64

interface Waiting<In, Out> {
  readonly item: In
  readonly deferred: Deferred<Out>
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
    const deferred = defer<Out>()
    this.#waiting.push({ item, deferred })
    this.#running ??= this.#run()
    return deferred.promise
  }

  /** Resolves when nothing is waiting or in flight. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    // Lets the callers of this very tick join the first flush.
    await Promise.resolve()
    for (let answered = 0; this.#waiting.length > 0; ) {
      const batch = this.#waiting.splice(0, this.#share(answered))
      await this.#send(batch)
      answered = batch.length
    }
    this.#running = undefined
  }

  /**
   * How many go together. Of many who ask again as soon as they are answered, half travel while the other half are
   * answered, so that neither the database nor this process stands still.
   */
  #share(answered: number): number {
    const half = Math.ceil((answered + this.#waiting.length) / 2)
    return Math.min(this.#limit, Math.max(MIN_SHARE, half))
  }

  async #send(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const answers = await this.#flush(batch.map(({ item }) => item))
      for (const [index, { deferred }] of batch.entries()) deferred.resolve(answers[index] as Out)
    } catch (error) {
      if (error instanceof ConnectionError || batch.length === 1)
        for (const { deferred } of batch) deferred.reject(error)
      else for (const waiting of batch) await this.#send([waiting])
    }
  }
}
