import { type Deferred, defer } from '../common/wait.js'

/** What a consumer has that handles several events at once. */
export interface Capacity {
  /** How many more it could begin right now. */
  readonly free: number
}

/**
 * How many events one consumer asks for. A loop asks for one, and again when it is done with that; so does a listener, which may
 * have the capacity for more when it asks. The prefetcher reads here how much to fetch, and the subscription answers the
 * loops and listeners that ask, in their order.
 */
export class Demand<Item> {
  readonly #capacity: Capacity | undefined
  readonly #asking: Deferred<Item | undefined>[] = []
  #hasBegun = false

  /** @param capacity by default, the consumer can handle as many events as it has asked for */
  constructor(capacity?: Capacity) {
    this.#capacity = capacity
  }

  /** Whether it has asked for an event yet. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Whether it waits for an event. */
  get isOpen(): boolean {
    return this.#asking.length > 0
  }

  /** How many events it could handle right now. What it was given a moment ago may not be at work yet: only a consumer that asks has room. */
  get events(): number {
    if (!this.isOpen) return 0
    return this.#capacity?.free ?? this.#asking.length
  }

  /** Resolves to the next event, or to `undefined` at the end. */
  ask(): Promise<Item | undefined> {
    const asking = defer<Item | undefined>()
    this.#asking.push(asking)
    this.#hasBegun = true
    return asking.promise
  }

  /** Answers the one who has waited longest. */
  answer(item: Item): void {
    this.#asking.shift()?.resolve(item)
  }

  /** There are no more events. */
  end(): void {
    for (const asking of this.#asking.splice(0)) asking.resolve(undefined)
  }

  /** There cannot be any more. */
  fail(error: unknown): void {
    for (const asking of this.#asking.splice(0)) asking.reject(error)
  }
}
