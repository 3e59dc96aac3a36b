import { Alarm } from '../../../common/alarm.js'
import { describe } from '../../../common/errors.js'
import type { Logger } from '../../../common/logger.js'
import { ownClock } from '../../../common/own-clock.js'
import { SingleFlight } from '../../../common/single-flight.js'

/** Shortest pause between two looks, in milliseconds. */
const MIN_STEP_MS = 5
/** Longest pause between two looks, in milliseconds: after it, a machine that was suspended has noticed. */
const MAX_STEP_MS = 1_000
/** No attempt is given up before this, in milliseconds: what is slow on a busy machine is not broken. */
const MIN_ATTEMPT_MS = 500

/** What one heartbeat keeps. */
export interface Beating {
  /** How long its leases last each time they are extended, in milliseconds. */
  readonly leaseMs: number
  /** Whether there is something to keep. */
  readonly isBeating: boolean
  /** How log lines call it. */
  readonly what: Readonly<Record<string, unknown>>
  /**
   * Extends what needs it.
   * @returns whether all of it was; what was passed over is asked for again soon
   */
  extend(withinMs: number): Promise<boolean>
  /**
   * Tells the holders of leases that are over by `ownClock`.
   * @returns when the next one will be, unless it is extended
   */
  lapse(nowMs: number): number
}

/**
 * Keeps leases of one length alive. It extends them every third of it. An attempt has a sixth, is made over the connection
 * that other work leaves free, and is followed by another over another connection; so a connection that went silent costs no
 * lease. What could not be extended is told before its lease ends, by this process's own clock.
 *
 * A process that stood still, or whose machine was suspended, may find that its leases are over. It asks before it tells:
 * where no other consumer has claimed them, they are its own, once extended. That answer may take half a second.
 */
export class Heartbeat implements AsyncDisposable {
  readonly #beating: Beating
  readonly #logger: Logger
  readonly #stepMs: number
  readonly #alarm = new Alarm(() => this.#look())
  #lookDueMs = 0
  #beatDueMs = 0
  /** When the next lease ends, unless it is extended; what was left by its consumer is not. */
  #endMs = Number.POSITIVE_INFINITY
  #askingUntilMs = Number.NEGATIVE_INFINITY
  readonly #attempt = new SingleFlight()
  #isFailing = false
  #stopped = false

  constructor(beating: Beating, logger: Logger) {
    this.#beating = beating
    this.#logger = logger
    this.#stepMs = Math.min(MAX_STEP_MS, Math.max(MIN_STEP_MS, beating.leaseMs / 30))
  }

  /** There is something to keep. */
  start(): void {
    if (this.#alarm.isSet || this.#stopped) return
    this.#beatDueMs = ownClock.now() + this.#beating.leaseMs / 3
    this.#lookLater()
  }

  /** For good. */
  stop(): void {
    this.#stopped = true
    this.#alarm.clear()
  }

  /** Resolves when no attempt is under way any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
    await this.#attempt.landed()
  }

  #lookLater(): void {
    const now = ownClock.now()
    const isCalm = !this.#attempt.isUnderWay && !this.#isFailing
    const calmMs = Math.max(MIN_STEP_MS, Math.min(this.#beatDueMs, this.#endMs) - now)
    const inMs = isCalm ? Math.min(MAX_STEP_MS, calmMs) : this.#stepMs
    this.#lookDueMs = now + inMs
    this.#alarm.set(inMs)
  }

  #look(): void {
    if (!this.#beating.isBeating) return
    const now = ownClock.now()
    const { leaseMs } = this.#beating
    if (now - this.#lookDueMs > leaseMs / 10) {
      this.#beatDueMs = now
      this.#askingUntilMs = now + Math.min(MIN_ATTEMPT_MS, leaseMs / 6)
    }
    if (now >= this.#beatDueMs) this.#attempt.begin(() => this.#beat())
    if (now >= this.#askingUntilMs) this.#endMs = this.#beating.lapse(now)
    this.#lookLater()
  }

  async #beat(): Promise<void> {
    const { leaseMs, what } = this.#beating
    const startedMs = ownClock.now()
    try {
      const isWhole = await this.#beating.extend(Math.max(MIN_ATTEMPT_MS, leaseMs / 6))
      this.#beatDueMs = startedMs + (isWhole ? leaseMs / 3 : leaseMs / 6)
      this.#isFailing = false
    } catch (error) {
      this.#beatDueMs = ownClock.now() + this.#stepMs
      if (!this.#isFailing && !this.#stopped)
        this.#logger.warn('the heartbeat failed', { ...what, error: describe(error) })
      this.#isFailing = true
    }
    this.#attempt.end()
  }
}
