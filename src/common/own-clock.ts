/** By how much the system clock may gain on the monotonic one between two looks, in milliseconds. */
const SUSPENDED_MS = 500

/**
 * How long this process has held something, whatever the clock of the database does: monotonic, in milliseconds from some
 * moment. A monotonic clock may stand still while the machine is suspended; where the system clock has gained on it, that
 * counts as time that has passed. It may have been set instead: then a holder asks the database once more than it needs to.
 */
class OwnClock {
  #aheadMs = Date.now() - performance.now()
  #suspendedMs = 0

  now(): number {
    const monotonicMs = performance.now()
    const aheadMs = Date.now() - monotonicMs
    const gainedMs = aheadMs - this.#aheadMs
    if (gainedMs > SUSPENDED_MS) this.#suspendedMs += gainedMs
    this.#aheadMs = aheadMs
    return monotonicMs + this.#suspendedMs
  }
}

/** The one of this process: all that it holds is held on the same machine. */
export const ownClock = new OwnClock()
