import { getRandomValues } from 'node:crypto'
import { V7Generator } from 'uuidv7'
import type { DatabaseClock } from '../common/clock.js'
import type { EventId } from '../event.js'

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
