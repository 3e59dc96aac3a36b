import { getRandomValues } from 'node:crypto'
import { V7Generator } from 'uuidv7'
import type { EventId } from './event.js'

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

/** Makes event ids: UUIDv7 (RFC 9562) stamped with the database's time, ever increasing within one object. */
export class EventIds {
  readonly #clock: DatabaseClock
  readonly #generator = new V7Generator(new BufferedRandom())

  constructor(clock: DatabaseClock) {
    this.#clock = clock
  }

  next(): EventId {
    return write(this.#generator.generateOrResetWithTs(Math.floor(this.#clock.now())).bytes)
  }
}

const DIGITS = new TextEncoder().encode('0123456789abcdef')
const WRITTEN = Buffer.alloc(36, '-')

/** The library's `toString` makes a text for each digit: twice the time of all else about an id, and a kilobyte of garbage. */
function write(bytes: Uint8Array): EventId {
  let at = 0
  for (const byte of bytes) {
    if (at === 8 || at === 13 || at === 18 || at === 23) at++
    WRITTEN[at++] = DIGITS[byte >>> 4] as number
    WRITTEN[at++] = DIGITS[byte & 15] as number
  }
  return WRITTEN.toString('latin1')
}

/** No id comes before it. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000'

/** The first id of a time, in epoch milliseconds: a UUIDv7 starts with 48 bits of them. */
export function firstIdAt(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}${FIRST_ID.slice(13)}`
}

/** Random numbers by the thousand: asking the system for a few at a time takes longer than making an id of them. */
class BufferedRandom {
  readonly #numbers = new Uint32Array(1_024)
  #next = this.#numbers.length

  nextUint32(): number {
    if (this.#next === this.#numbers.length) {
      getRandomValues(this.#numbers)
      this.#next = 0
    }
    return this.#numbers[this.#next++] ?? 0
  }
}
