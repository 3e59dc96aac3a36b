import { type Deferred, defer } from './wait.js'

/**
 * Work of which one is under way at a time: a reason for it that comes meanwhile begins no other.
 *
 * The work itself says that it is over, with `end`, in the turn in which it last looked for something to do. If that were left to
 * its promise, a reason that comes after the last look would still find it under way, begin nothing, and be forgotten.
 */
export class SingleFlight {
  #isUnderWay = false
  #landed: Deferred<void> | undefined

  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /**
   * Begins the work, unless it is under way.
   * @param work calls `end`, and does not reject
   */
  begin(work: () => Promise<void>): void {
    if (this.#isUnderWay) return
    this.#isUnderWay = true
    void work()
  }

  end(): void {
    this.#isUnderWay = false
    this.#landed?.resolve()
    this.#landed = undefined
  }

  /** Resolves when what is under way is over; at once when nothing is. */
  async landed(): Promise<void> {
    if (!this.#isUnderWay) return
    this.#landed ??= defer()
    await this.#landed.promise
  }
}
