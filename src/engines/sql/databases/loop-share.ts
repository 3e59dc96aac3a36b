// Imported, not taken from the globals when it is called: tests of applications put clocks of their own there, which stand still.
import { setImmediate } from 'node:timers'

/**
 * How much of a turn of the event loop all databases that answer in the same tick may use together, in milliseconds. What
 * begins within it may end after it: half of what nothing of ours takes more than.
 */
const SHARE_MS = 8

/**
 * A fair share of the event loop for work that runs whole, without a wait. Promises that such work resolves are continued
 * in the same turn: a loop of awaited calls would never let a timer or a socket have theirs. So work runs at once while the
 * turn has something left, and waits for the next turn when it has not, in the order of the calls.
 */
class LoopShare {
  /** When the share of this turn is used up, by the monotonic clock; undefined before its first work. */
  #endsAtMs: number | undefined
  readonly #urgent: (() => void)[] = []
  readonly #waiting: (() => void)[] = []

  /**
   * Runs the work, now or in a turn to come; passes on what it returns or throws.
   * @param isUrgent whether it goes before all that is not
   */
  run<Result>(work: () => Result, isUrgent = false): Promise<Result> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        try {
          resolve(work())
        } catch (error) {
          reject(error)
        }
      }
      if (this.#mayRun(isUrgent)) settle()
      else (isUrgent ? this.#urgent : this.#waiting).push(settle)
    })
  }

  #mayRun(isUrgent: boolean): boolean {
    const isFirst = this.#urgent.length === 0 && (isUrgent || this.#waiting.length === 0)
    return isFirst && this.#hasShare()
  }

  /** Of a turn in which nobody works, nothing is known; the first work of one asks to be told of its end. */
  #begin(): void {
    this.#endsAtMs = performance.now() + SHARE_MS
    setImmediate(() => this.#onTurn())
  }

  #onTurn(): void {
    this.#endsAtMs = undefined
    this.#goOn(this.#urgent)
    this.#goOn(this.#waiting)
  }

  #goOn(works: (() => void)[]): void {
    let done = 0
    while (done < works.length && this.#hasShare()) works[done++]?.()
    works.splice(0, done)
  }

  #hasShare(): boolean {
    if (this.#endsAtMs === undefined) this.#begin()
    return performance.now() < Number(this.#endsAtMs)
  }
}

/** The one of this thread. */
export const loopShare = new LoopShare()
