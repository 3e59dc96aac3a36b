import { ConnectionError } from './errors.js'
import { type Deferred, defer } from './wait.js'

interface Waiting<In, Out> {
  readonly item: In
  readonly deferred: Deferred<Out>
}

/** What became of one item of a flush. */
export type Outcome<Out> = { readonly value: Out } | { readonly error: unknown }

/**
 * Gathers what callers ask for while a round trip is in flight and sends it together in the next one. A lone call goes
 * at once; nobody waits for company. (Group commit, as databases do it with their own log.)
 */
export class Coalescer<In, Out> {
  readonly #flush: (items: readonly In[]) => Promise<readonly Outcome<Out>[]>
  readonly #limit: number
  #waiting: Waiting<In, Out>[] = []
  #running: Promise<void> | undefined

  /**
   * @param flush does the work for many; answers for each, in order. What it throws, all of them get
   * @param limit most items in one flush
   */
  constructor(limit: number, flush: (items: readonly In[]) => Promise<readonly Outcome<Out>[]>) {
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
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#limit)
      await this.#send(batch)
    }
    this.#running = undefined
  }

  async #send(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const outcomes = await this.#flush(batch.map((waiting) => waiting.item))
      for (const [index, { deferred }] of batch.entries()) {
        const outcome = outcomes[index]
        if (outcome !== undefined && 'value' in outcome) deferred.resolve(outcome.value)
        else deferred.reject(outcome?.error ?? new Error('a flush left an item without an answer'))
      }
    } catch (error) {
      for (const { deferred } of batch) deferred.reject(error)
    }
  }
}

/**
 * Does the work for all items together; when the database refuses, for each alone, so that a bad one fails only by itself.
 * @throws {ConnectionError} when nothing is wrong with any item
 */
export async function togetherOrAlone<In, Out>(
  items: readonly In[],
  work: (items: readonly In[]) => Promise<readonly Out[]>,
): Promise<readonly Outcome<Out>[]> {
  try {
    return (await work(items)).map((value) => ({ value }))
  } catch (error) {
    if (error instanceof ConnectionError || items.length === 1) throw error
    const outcomes: Outcome<Out>[] = []
    for (const item of items) {
      const alone = await togetherOrAlone([item], work).catch((reason: unknown) => [{ error: reason }])
      outcomes.push(...alone)
    }
    return outcomes
  }
}
