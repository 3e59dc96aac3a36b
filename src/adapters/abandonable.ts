import { ClosedError } from '../errors.js'
import type { Adapter, Row, Work } from './adapter.js'

/** Every member, so that none is forgotten here that is optional there. */
type Complete = { readonly [Member in keyof Adapter]-?: Adapter[Member] | undefined }

/**
 * An adapter that can be let go of, whatever it is doing: a database that does not answer, or a pool that has no connection
 * free, keeps nothing waiting that was asked of it.
 */
export class AbandonableAdapter implements Adapter, Complete {
  readonly sync: Adapter['sync']
  readonly listen: Adapter['listen']
  readonly watch: Adapter['watch']
  readonly portion: Adapter['portion']
  readonly checkTables: Adapter['checkTables']
  readonly longPoll: Adapter['longPoll']
  readonly destroy: Adapter['destroy']
  readonly #adapter: Adapter
  readonly #waiting = new Set<(error: ClosedError) => void>()
  #abandoned = false

  constructor(adapter: Adapter) {
    this.#adapter = adapter
    this.sync = adapter.sync?.bind(adapter)
    this.listen = adapter.listen?.bind(adapter)
    this.watch = adapter.watch?.bind(adapter)
    this.portion = adapter.portion?.bind(adapter)
    this.checkTables = adapter.checkTables?.bind(adapter)
    this.longPoll = adapter.longPoll?.bind(adapter)
    this.destroy = adapter.destroy?.bind(adapter)
  }

  get dialect() {
    return this.#adapter.dialect
  }

  get poolSize() {
    return this.#adapter.poolSize
  }

  has(verb: string): boolean {
    return this.#adapter.has(verb)
  }

  run<R extends Row>(...call: Parameters<Adapter['run']>): Promise<readonly R[]> {
    return this.#unlessAbandoned(() => this.#adapter.run<R>(...call))
  }

  transaction<Result>(work: () => Work<Result>): Promise<Result> {
    return this.#unlessAbandoned(() => this.#adapter.transaction(work))
  }

  join<Result>(tx: unknown, work: () => Work<Result>): Promise<Result> {
    return this.#unlessAbandoned(() => this.#adapter.join(tx, work))
  }

  exclusively<Result>(work: () => Work<Result>): Promise<Result> {
    return this.#unlessAbandoned(() => this.#adapter.exclusively(work))
  }

  /** What is under way rejects, as does all that is asked from now on; connections of ours are broken. */
  abandon(): void {
    this.#abandoned = true
    for (const reject of this.#waiting) reject(abandoned('whether this was done is not known'))
    this.#waiting.clear()
    this.destroy?.()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#adapter[Symbol.asyncDispose]())
  }

  /** A promise of our own rather than a race with one that lives as long as the adapter, which would remember each call. */
  #unlessAbandoned<Result>(ask: () => Promise<Result>): Promise<Result> {
    if (this.#abandoned) return Promise.reject(abandoned('this was not done'))
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      ask().then(
        (result) => {
          this.#waiting.delete(reject)
          resolve(result)
        },
        (error: unknown) => {
          this.#waiting.delete(reject)
          reject(error)
        },
      )
    })
  }
}

function abandoned(outcome: string): ClosedError {
  return new ClosedError(`the channel closed before the database answered: ${outcome}`)
}
