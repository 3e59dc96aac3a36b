/**
 * Stands before a pool, so that what keeps leases goes before everything else: all other work together has one connection
 * less than there are. Without it, a heartbeat would wait behind every publish that came before it.
 */
export class Gate {
  readonly #most: number
  #inside = 0
  readonly #waiting: (() => void)[] = []

  /** @param connections how many the pool has at most; `undefined` when nothing says */
  constructor(connections: number | undefined) {
    this.#most = Math.max(1, (connections ?? Number.POSITIVE_INFINITY) - 1)
  }

  /** A promise only where it has to be waited for: this stands in the way of every statement. */
  enter(): Promise<void> | undefined {
    if (this.#inside < this.#most) {
      this.#inside++
      return undefined
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#inside--
    else next()
  }
}

const gates = new WeakMap<object, Gate>()

/** The gate of a pool, the same for all channel objects that share it. */
export function gateOf(pool: object, connections: number | undefined): Gate {
  let gate = gates.get(pool)
  if (gate === undefined) {
    gate = new Gate(connections)
    gates.set(pool, gate)
  }
  return gate
}
