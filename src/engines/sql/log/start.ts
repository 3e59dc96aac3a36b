import { type DatabaseClock, FIRST_ID, firstIdAt } from '../../../common/clock.js'
import { ScanThrottle } from '../flow/scan-throttle.js'

/** How old an event may be that is committed only now, where looks from the true start are dear, in milliseconds. */
const YOUNG_MS = 5_000

/**
 * Where looks for events without a position begin: at the first of all, unless entries of dead ones make that dear. Then
 * most begin where the last one had to stop, or a little before now; what is published earlier and committed later is found
 * by the next look at everything, within a second.
 */
export class Start {
  readonly #clock: DatabaseClock
  readonly #whole = new ScanThrottle()
  #wasPartial = false
  #reached: string | undefined

  constructor(clock: DatabaseClock) {
    this.#clock = clock
  }

  /** In how many milliseconds everything has to be looked at again; infinity when the last look did that. */
  get dueInMs(): number {
    const { restMs } = this.#whole
    return restMs > 0 || this.#wasPartial ? Math.max(1, restMs) : Number.POSITIVE_INFINITY
  }

  /** The first id to look at now. */
  next(): string {
    if (this.#whole.restMs === 0) return FIRST_ID
    const young = firstIdAt(this.#clock.now() - YOUNG_MS)
    return this.#reached !== undefined && this.#reached < young ? this.#reached : young
  }

  /**
   * Takes note of a look.
   * @param from its first id
   * @param tookMs its duration, in milliseconds
   * @param waiting whether there is more
   * @param reached the last id that it met; none where another process was at it
   */
  note(from: string, tookMs: number, events: number, waiting: boolean, reached: string | undefined): void {
    this.#wasPartial = from !== FIRST_ID
    this.#reached = waiting ? (reached ?? this.#reached) : undefined
    if (this.#wasPartial) this.#whole.noteNearer(tookMs, events)
    else this.#whole.note(tookMs, events)
  }
}
