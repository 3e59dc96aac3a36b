import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import type { Entry } from '../verbs/entry.js'
import { readLog } from '../verbs/read.js'

/** Most reads that are kept for others. */
const KEPT = 4

/** Everything of one channel that a group reads, after one position and up to another. */
export interface Reading {
  readonly entries: readonly Entry[]
  readonly to: number
}

/** Where to read one channel for a group. */
export interface Place {
  readonly channel: string
  /** Whose events to read besides everybody's; empty for none. */
  readonly group: string
  readonly after: number
  readonly until: number
  readonly limit: number
}

/**
 * Reads of the table. Rows of the log never change: what several subscribers of one channel object read after the same look is
 * read once.
 */
export class SharedReads {
  readonly #context: SqlContext
  readonly #reads = new Map<string, Promise<Reading>>()

  constructor(context: SqlContext) {
    this.#context = context
  }

  /** @see sql/postgres/log/read.sql */
  read(place: Place): Promise<Reading> {
    const key = JSON.stringify(place)
    const known = this.#reads.get(key)
    if (known !== undefined) return known
    const reading = this.#readTable(place)
    reading.catch(() => this.#reads.delete(key))
    if (this.#reads.size >= KEPT) this.#reads.clear()
    this.#reads.set(key, reading)
    return reading
  }

  /** There may be more to read by now. */
  clear(): void {
    this.#reads.clear()
  }

  async #readTable(place: Place): Promise<Reading> {
    const { database, options } = this.#context
    const { until } = place
    const limit = portionOf(database, readLog, place.limit)
    const entries = await database.run(readLog(place, limit, options.maxAttempts))
    return { entries, to: entries.length === limit ? (entries.at(-1)?.position ?? until) : until }
  }
}
