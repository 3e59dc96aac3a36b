/** How long one call of a verb should hold up the event loop, in milliseconds; a call that acks and claims may take twice that. */
const CALL_MS = 5
/** What a row counts as while none of a verb has been measured, in milliseconds: many times what most take. */
const UNKNOWN_ROW_MS = 0.2

/**
 * How many rows a database that answers in the same tick can be asked for at once: as many as it has lately given, or
 * taken, within a few milliseconds, on this machine, with rows of this size.
 */
export class Portions {
  readonly #rowMs = new Map<string, number>()

  /** Rows to ask a verb for in one call: at least one, at most `limit`. Its calls are measured from now on. */
  of(verb: string, limit: number): number {
    const rowMs = this.#rowMs.get(verb) ?? UNKNOWN_ROW_MS
    this.#rowMs.set(verb, rowMs)
    return Math.max(1, Math.min(limit, Math.floor(CALL_MS / rowMs)))
  }

  /** Whether anybody asks how long its calls take. */
  isMeasured(verb: string): boolean {
    return this.#rowMs.has(verb)
  }

  /** Follows rows that take longer at once, and others by halves. */
  note(verb: string, rows: number, tookMs: number): void {
    const known = this.#rowMs.get(verb) ?? UNKNOWN_ROW_MS
    const rowMs = tookMs / Math.max(1, rows)
    this.#rowMs.set(verb, Math.max(rowMs, (known + rowMs) / 2))
  }
}
