/** By how much an answer may be late without being passed over, in milliseconds. */
const LATE_MS = 50
/** After how long of nothing but late answers the database's clock counts as set back, in milliseconds. */
const PATIENCE_MS = 60_000

/**
 * What time it is by the database: its clock as this process last saw it, carried forward by the monotonic clock, so that
 * neither a wrong system clock nor a jump of it moves a schedule or the order of ids. Whether a lease is still held is
 * another question, which `ownClock` answers.
 */
export class DatabaseClock {
  #databaseMs = Date.now()
  #monotonicMs = performance.now()
  #confirmedAtMs = Number.NEGATIVE_INFINITY

  /**
   * Takes note of a time, in epoch milliseconds, that came back with a round trip. One that waited to be read, while the
   * event loop was held up, says an earlier time than it is, never a later one: the latest is the best.
   */
  observe(databaseMs: number): void {
    // An answer without a time says none; an id made of it would be none either.
    if (!Number.isFinite(databaseMs)) return
    const lateMs = this.now() - databaseMs
    const isKnown = this.ageMs < PATIENCE_MS
    if (isKnown && lateMs > LATE_MS) return
    const nowMs = performance.now()
    this.#confirmedAtMs = nowMs
    if (isKnown && lateMs > 0) return
    this.#databaseMs = databaseMs
    this.#monotonicMs = nowMs
  }

  /** Epoch milliseconds, by the database. */
  now(): number {
    return this.#databaseMs + (performance.now() - this.#monotonicMs)
  }

  /** How long ago the last observation was that counted, in milliseconds. */
  get ageMs(): number {
    return performance.now() - this.#confirmedAtMs
  }
}

/** No id comes before it. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000'

/** The first id of a time, in epoch milliseconds: a UUIDv7 starts with 48 bits of them. */
export function firstIdAt(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}${FIRST_ID.slice(13)}`
}
