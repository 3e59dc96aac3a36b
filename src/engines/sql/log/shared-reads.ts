import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import { type Reading, toEntries } from './entry.js'

/** Most reads that are kept for others. */
const KEPT = 4

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

  /** @see sql/postgres/statements/read_log.sql */
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

  async #readTable({ channel, group, after, until, limit: most }: Place): Promise<Reading> {
    const { database, options } = this.#context
    const limit = portionOf(database, 'read_log', most)
    const rows = await database.run('read_log', { channel, consumer_group: group, after, until, limit })
    const entries = toEntries(rows, channel, options.maxAttempts)
    return { entries, to: entries.length === limit ? (entries.at(-1)?.position ?? until) : until }
  }
}
