import type { Batch } from '../verbs/sequence.js'
import type { Reading } from './shared-reads.js'

/** How many passes of the sequencer are kept: what one brings is limited, and readers at the end need the newest. */
const KEPT = 4

/**
 * The newest events, as they came back when they got their positions: those who follow the log at its head need not read
 * them again. Nothing is missing in a pass: it numbers without a gap, under the lock of the head of the log, and its
 * events are committed when it has answered. Between two passes there may be others.
 */
export class RecentBatches {
  #batches: readonly Batch[] = []
  #isRead = true

  /** Whether somebody has read of the newest. */
  get isRead(): boolean {
    return this.#isRead
  }

  add(batch: Batch): void {
    this.#batches = [batch, ...this.#batches.slice(0, KEPT - 1)]
    this.#isRead = false
  }

  /** The rest of the pass in which a place lies; `undefined` where it must be read from the table. */
  read(channel: string, group: string, after: number, until: number): Reading | undefined {
    const batch = this.#batches.find(({ from, to, entries }) => from <= after && after < to && entries.has(channel))
    if (batch === undefined) return undefined
    if (batch === this.#batches[0]) this.#isRead = true
    const entries = (batch.entries.get(channel) ?? []).filter(
      (entry) => entry.position > after && entry.position <= until && (entry.group === '' || entry.group === group),
    )
    return { entries, to: Math.min(batch.to, until) }
  }
}
