import { ClosedError } from '../../common/errors.js'
import type { SqlDatabase } from './database.js'
import type { NamedVerb, Question, Work } from './unit-of-work.js'

/** Every member, so that none is forgotten here that is optional there. */
type Complete = { readonly [Member in keyof SqlDatabase]-?: SqlDatabase[Member] | undefined }

/**
 * A database that can be let go of, whatever it is doing: a database that does not answer, or a pool that has no connection
 * free, keeps nothing waiting that was asked of it.
 */
export class AbandonableDatabase implements SqlDatabase, Complete {
  readonly sync: SqlDatabase['sync']
  readonly listen: SqlDatabase['listen']
  readonly watch: SqlDatabase['watch']
  readonly portion: SqlDatabase['portion']
  readonly checkTables: SqlDatabase['checkTables']
  readonly longPoll: SqlDatabase['longPoll']
  readonly destroy: SqlDatabase['destroy']
  readonly #database: SqlDatabase
  readonly #waiting = new Set<(error: ClosedError) => void>()
  #abandoned = false

  constructor(database: SqlDatabase) {
    this.#database = database
    this.sync = database.sync?.bind(database)
    this.listen = database.listen?.bind(database)
    this.watch = database.watch?.bind(database)
    this.portion = database.portion?.bind(database)
    this.checkTables = database.checkTables?.bind(database)
    this.longPoll = database.longPoll?.bind(database)
    this.destroy = database.destroy?.bind(database)
  }

  get dialect() {
    return this.#database.dialect
  }

  get poolSize() {
    return this.#database.poolSize
  }

  has(verb: NamedVerb): boolean {
    return this.#database.has(verb)
  }

  run<Answer>(question: Question<Answer>, withinMs?: number): Promise<Answer> {
    return this.#unlessAbandoned(() => this.#database.run(question, withinMs))
  }

  transaction<Result>(work: () => Work<Result>): Promise<Result> {
    return this.#unlessAbandoned(() => this.#database.transaction(work))
  }

  join<Result>(tx: unknown, work: () => Work<Result>): Promise<Result> {
    return this.#unlessAbandoned(() => this.#database.join(tx, work))
  }

  exclusively<Result>(work: () => Work<Result>): Promise<Result> {
    return this.#unlessAbandoned(() => this.#database.exclusively(work))
  }

  /** What is under way rejects, as does all that is asked from now on; connections of ours are broken. */
  abandon(): void {
    this.#abandoned = true
    for (const reject of this.#waiting) reject(abandoned('whether this was done is not known'))
    this.#waiting.clear()
    this.destroy?.()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#database[Symbol.asyncDispose]())
  }

  /** A promise of our own rather than a race with one that lives as long as the database, which would remember each call. */
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
