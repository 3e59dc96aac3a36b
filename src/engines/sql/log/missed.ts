import type { Gap } from '../../../options/options.js'
import type { SqlContext } from '../context.js'
import { tellGap } from '../flow/gap.js'
import { findPurged } from '../verbs/read.js'

/** After so long without reading, and at events of this age, in milliseconds, a reader may have been passed: retention is longer. */
export const LATE_MS = 30_000

/**
 * Whether retention has passed a reader: events that it had not read were deleted, and it goes on after them. It is asked
 * where that can be: when the reader begins, when it has not read for long, and while what it reads is old.
 * @see sql/postgres/log/find_purged.sql
 */
export class Missed {
  readonly #context: SqlContext
  readonly #onGap: ((gap: Gap) => void) | undefined
  readonly #group: string | undefined

  constructor(context: SqlContext, onGap: ((gap: Gap) => void) | undefined, group: string | undefined) {
    this.#context = context
    this.#onGap = onGap
    this.#group = group
  }

  /** A reader begins. One at 0 wants what there is. */
  async checkStart(places: ReadonlyMap<string, number>): Promise<void> {
    const begun = [...places].filter(([, position]) => position > 0)
    if (begun.length === 0) return
    const purged = await this.#findPurged(begun.map(([channel]) => channel))
    const passed = begun.filter(([channel, position]) => (purged.get(channel) ?? 0) > position)
    if (passed.length > 0) this.#tell(passed.map(([channel]) => channel))
  }

  /** A reader that was at a place found this position first; `undefined` when it found nothing. */
  async checkRead(channel: string, after: number, first: number | undefined): Promise<void> {
    if (after === 0) return
    const deletedTo = (await this.#findPurged([channel])).get(channel) ?? 0
    // What was deleted since it was read is not missed.
    if (deletedTo > after && (first === undefined || deletedTo < first)) this.#tell([channel])
  }

  #findPurged(channels: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#context.database.run(findPurged(channels))
  }

  #tell(channels: readonly string[]): void {
    const group = this.#group
    this.#context.options.logger.warn('retention has deleted events that a reader of the log had not read', {
      channels,
      ...(group !== undefined && { group }),
    })
    tellGap(this.#context, this.#onGap, { reason: 'retention', missed: undefined, channels })
  }
}
