import { Alarm } from '../../../common/alarm.js'
import type { LogDelivery } from './log-delivery.js'

/** Most deliveries that wait, and most bytes of their payloads: beyond either, the member reads no further. */
const MOST = 10_000
const MOST_BYTES = 64 * 2 ** 20

interface Retry {
  readonly delivery: LogDelivery
  readonly dueMs: number
}

/** Deliveries of one term that are to be made again, each when it is due. */
export class Retries {
  /** In the order in which they are due. */
  readonly #waiting: Retry[] = []
  #bytes = 0
  readonly #alarm: Alarm
  #alarmAtMs = Number.POSITIVE_INFINITY

  constructor(onDue: () => void) {
    this.#alarm = new Alarm(() => this.#ring(onDue))
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** Whether as many wait as may: they are held in memory, and a consumer that is out nacks all there is. */
  get isFull(): boolean {
    return this.#waiting.length >= MOST || this.#bytes >= MOST_BYTES
  }

  add(delivery: LogDelivery, delayMs: number): void {
    const dueMs = performance.now() + delayMs
    this.#waiting.splice(this.#placeOf(dueMs), 0, { delivery, dueMs })
    this.#bytes += delivery.payload.length
    this.#setAlarm()
  }

  /** Those that are due, the longest first. */
  take(limit: number): readonly LogDelivery[] {
    const now = performance.now()
    let count = 0
    while (count < limit && (this.#waiting[count]?.dueMs ?? Number.POSITIVE_INFINITY) <= now) count++
    if (count === 0) return []
    const due = this.#waiting.splice(0, count).map(({ delivery }) => delivery)
    for (const { payload } of due) this.#bytes -= payload.length
    this.#setAlarm()
    return due
  }

  /** Nothing is made again, and nobody is told. */
  clear(): void {
    this.#waiting.length = 0
    this.#bytes = 0
    this.#setAlarm()
  }

  /** Behind those that are due at the same time. */
  #placeOf(dueMs: number): number {
    let [low, high] = [0, this.#waiting.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#waiting[middle] as Retry).dueMs <= dueMs) low = middle + 1
      else high = middle
    }
    return low
  }

  #setAlarm(): void {
    const dueMs = this.#waiting[0]?.dueMs ?? Number.POSITIVE_INFINITY
    if (dueMs === this.#alarmAtMs) return
    this.#alarmAtMs = dueMs
    if (dueMs === Number.POSITIVE_INFINITY) this.#alarm.clear()
    else this.#alarm.set(Math.max(0, dueMs - performance.now()))
  }

  #ring(onDue: () => void): void {
    this.#alarmAtMs = Number.POSITIVE_INFINITY
    onDue()
    // What is not taken, since the consumer asks for nothing now.
    if (this.#alarmAtMs === Number.POSITIVE_INFINITY && (this.#waiting[0]?.dueMs ?? 0) > performance.now())
      this.#setAlarm()
  }
}
