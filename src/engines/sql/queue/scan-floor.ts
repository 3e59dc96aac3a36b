import { FIRST_ID, firstIdAt } from '../../../common/clock.js'
import { ScanThrottle } from '../flow/scan-throttle.js'
import type { KeyRange } from '../verbs/claim.js'
import type { QueueDelivery } from './delivery.js'

/** How much older than an event claimed before an event may be that is committed only now, in milliseconds. */
const MARGIN_MS = 1_000

const [FIRST_PRIORITY, LAST_PRIORITY] = [-32_768, 32_767]

/**
 * The key below which a channel of a queue holds nothing ready. Where a claim that scans from the channel's start takes long,
 * most claims start at the floor instead. What appears below it (a lease that ended, an event that another process released or
 * committed late) is found by the next claim of the whole channel, within a second.
 */
export class ScanFloor {
  /** For each priority that was claimed from, the id before which nothing was left. */
  readonly #floors = new Map<number, string>()
  readonly #whole = new ScanThrottle()

  /** In how many milliseconds the whole channel is looked through again; 0 when the next claim does. */
  get restMs(): number {
    return this.#whole.restMs
  }

  /** The parts that the next claim should look through, in claim order; none means the whole channel. */
  ranges(): readonly KeyRange[] {
    return this.restMs === 0 ? [] : this.#alive()
  }

  /**
   * Takes note of a claim.
   * @param ranges what it looked through
   * @param tookMs its duration, in milliseconds
   * @param settled how many events the same round trip settled
   * @param claimed in claim order, so that the last of each priority is the greatest
   */
  observe(ranges: readonly KeyRange[], tookMs: number, settled: number, claimed: readonly QueueDelivery[]): void {
    const last = new Map<number, string>()
    for (const { priority, id } of claimed) last.set(priority, id)
    for (const [priority, id] of last) {
      const floor = earlier(id)
      if (floor > (this.#floors.get(priority) ?? FIRST_ID)) this.#floors.set(priority, floor)
    }
    const events = settled + claimed.length
    if (ranges.length === 0) this.#whole.note(tookMs, events)
    else this.#whole.noteNearer(tookMs, events)
  }

  /** An event is ready again: claims start no later than there. */
  putBack({ priority, id }: QueueDelivery): void {
    if (id < (this.#floors.get(priority) ?? FIRST_ID)) this.#floors.set(priority, id)
  }

  /** Everything but, at each priority, what lies before the floor. */
  #alive(): readonly KeyRange[] {
    const floors = [...this.#floors].sort(([a], [b]) => a - b)
    const starts = [[FIRST_PRIORITY, FIRST_ID] as const, ...floors]
    const ranges = starts.map(([fromPriority, fromId], index) => {
      const next = starts[index + 1]
      return { fromPriority, fromId, toPriority: next === undefined ? LAST_PRIORITY : next[0] - 1 }
    })
    return ranges.filter(({ fromPriority, toPriority }) => fromPriority <= toPriority)
  }
}

/** The first id of the time `MARGIN_MS` before this one was made: a UUIDv7 starts with 48 bits of milliseconds. */
function earlier(id: string): string {
  return firstIdAt(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) - MARGIN_MS)
}
