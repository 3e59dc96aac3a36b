import type { LogDelivery } from './log-delivery.js'

/**
 * How far a group has read one channel: the contiguous low-water mark. Events may be settled in any order; the mark moves
 * over those that are settled with everything before them.
 */
export class Progress {
  #pending: number[] = []
  /** Which of them comes next; those before it are gone, and are moved out now and then. */
  #next = 0
  /** Settled ahead of an earlier one. */
  readonly #settled = new Set<number>()
  #mark: number

  constructor(mark: number) {
    this.#mark = mark
  }

  /** The last position that is settled, with everything before it. */
  get mark(): number {
    return this.#mark
  }

  /** An event was handed out, in the order of positions. */
  begin(position: number): void {
    this.#pending.push(position)
  }

  settle(position: number): void {
    if (position <= this.#mark) return
    if (position !== this.#pending[this.#next]) {
      this.#settled.add(position)
      return
    }
    let next: number | undefined = position
    do {
      this.#mark = next
      next = this.#pending[++this.#next]
    } while (next !== undefined && this.#settled.delete(next))
    if (this.#next * 2 < this.#pending.length) return
    this.#pending = this.#pending.slice(this.#next)
    this.#next = 0
  }
}

/** Deliveries of one channel whose place the next write moves the checkpoint over. */
export interface PendingCheckpoint {
  readonly deliveries: LogDelivery[]
  /** Of these, the ones that were acked. */
  readonly acked: LogDelivery[]
  /** Whether that was written, which takes the lease. */
  readonly stored: Promise<boolean>
}
