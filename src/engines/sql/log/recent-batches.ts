import type { Entry, Reading } from './entry.js'

/** How many passes of the sequencer are kept: what one brings is limited, and readers at the end need the newest. */
const KEPT = 4

/** What one pass of the sequencer gave positions to: of these channels everything after `from`, up to `to`. */
export interface Pass {
  readonly from: number
  readonly to: number
  readonly entries: ReadonlyMap<string, readonly Entry[]>
}

/**
 * The newest events, as they came back when they got their positions: those who follow the log at its head need not read
 * them again. Nothing is missing in a pass: it numbers without a gap, under the lock of the head of the log, and its
 * events are committed when it has answered. Between two passes there may be others.
 */
export class RecentBatches {
  #passes: readonly Pass[] = []
  #isRead = true

  /** Whether somebody has read of the newest. */
  get isRead(): boolean {
    return this.#isRead
  }

  add(pass: Pass): void {
    this.#passes = [pass, ...this.#passes.slice(0, KEPT - 1)]
    this.#isRead = false
  }

  /** The rest of the pass in which a place lies; `undefined` where it must be read from the table. */
  read(channel: string, group: string, after: number, until: number): Reading | undefined {
    const pass = this.#passes.find(({ from, to, entries }) => from <= after && after < to && entries.has(channel))
    if (pass === undefined) return undefined
    if (pass === this.#passes[0]) this.#isRead = true
    const entries = (pass.entries.get(channel) ?? []).filter(
      (entry) => entry.position > after && entry.position <= until && (entry.group === '' || entry.group === group),
    )
    return { entries, to: Math.min(pass.to, until) }
  }
}
