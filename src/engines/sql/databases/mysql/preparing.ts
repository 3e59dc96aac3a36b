import type { Statement } from '../../statements.js'

/** What is asked for more often than this is prepared: preparing takes a round trip, and a place of the server's. */
const SELDOM = 4
/** Largest values that are written into a statement that is not prepared, in characters. */
const SMALL = 16_384
/** How long none is prepared after the server had no place left, in milliseconds. */
const REST_MS = 60_000

/** Which statements one object prepares. All processes share the server's `max_prepared_stmt_count`. */
export class Preparing {
  readonly #uses = new Map<string, number>()
  #restsUntilMs = Number.NEGATIVE_INFINITY

  /** Whether this use of a statement is worth it. */
  isWorthwhile({ text }: Statement, values: readonly unknown[]): boolean {
    const uses = (this.#uses.get(text) ?? 0) + 1
    if (uses <= SELDOM + 1) this.#uses.set(text, uses)
    if (isLarge(values)) return true
    return uses > SELDOM && performance.now() >= this.#restsUntilMs
  }

  /** The server has no place left. */
  rest(): void {
    this.#restsUntilMs = performance.now() + REST_MS
  }
}

function isLarge(values: readonly unknown[]): boolean {
  let characters = 0
  for (const value of values) if (typeof value === 'string') characters += value.length
  return characters > SMALL
}
