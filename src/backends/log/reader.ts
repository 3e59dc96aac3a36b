import type { Row } from '../../adapters/adapter.js'
import type { Delivery, Lease } from '../../event.js'
import type { BackendContext } from '../backend.js'
import type { Tail } from './tail.js'

/** One event of the log, as it is stored. */
export interface Entry extends Omit<Delivery, 'lease' | 'attempts' | 'position'> {
  readonly payload: string
  readonly position: number
}

/** A place in one channel, and what was read beyond it. */
interface Lane {
  readonly channel: string
  entries: Entry[]
  /** Everything up to here was read. */
  readTo: number
}

/** Reading claims nothing, so it runs ahead of the consumer: by so many events, or bytes of payload in one channel. */
const AHEAD = 500
const AHEAD_BYTES = 2 ** 20

/**
 * Reads some channels from a place on, in the order of positions across all of them. Reads no further than every channel
 * has been seen, since another may have an earlier event there.
 */
export class Reader {
  readonly #context: BackendContext
  readonly #tail: Tail
  readonly #group: string
  readonly #lanes: readonly Lane[]
  /** The size of a payload, as last seen. */
  #payloadBytes = AHEAD_BYTES / 100

  /** @param group whose events to read besides everybody's; empty for none */
  constructor(context: BackendContext, tail: Tail, places: ReadonlyMap<string, number>, group: string) {
    this.#context = context
    this.#tail = tail
    this.#group = group
    this.#lanes = [...places].map(([channel, readTo]) => ({ channel, entries: [], readTo }))
  }

  /** The next events, at most `limit`; none when there are none yet. */
  async next(limit: number): Promise<readonly Entry[]> {
    const until = Math.min(...this.#lanes.map(({ channel }) => this.#tail.sight(channel)?.until ?? 0))
    const empty = this.#lanes.filter(({ entries, readTo }) => entries.length === 0 && readTo < until)
    await Promise.all(empty.map((lane) => this.#fill(lane, until)))
    const entries: Entry[] = []
    for (let entry = this.#shift(); entry !== undefined; entry = this.#shift()) {
      entries.push(entry)
      if (entries.length === limit) break
    }
    return entries
  }

  async #fill(lane: Lane, until: number): Promise<void> {
    const { channel, readTo: after } = lane
    const limit = Math.max(1, Math.min(AHEAD, Math.floor(AHEAD_BYTES / this.#payloadBytes)))
    if ((this.#tail.sight(channel)?.head ?? 0) > after) {
      const parameters = { channel, consumer_group: this.#group, after, until, limit }
      const rows = await this.#context.adapter.run('read_log', parameters)
      lane.entries = rows.map((row) => this.#toEntry(row, channel))
    }
    const [last] = lane.entries.slice(-1)
    if (last !== undefined) this.#payloadBytes = Math.max(1, last.payload.length)
    lane.readTo = lane.entries.length === limit && last !== undefined ? last.position : until
  }

  /** The first of all lanes, unless one that has to be read on may have an earlier one. */
  #shift(): Entry | undefined {
    let first: Lane | undefined
    for (const lane of this.#lanes) {
      const [entry] = lane.entries
      if (entry !== undefined && entry.position < (first?.entries[0]?.position ?? Number.POSITIVE_INFINITY))
        first = lane
    }
    const position = first?.entries[0]?.position ?? 0
    const isKnown = this.#lanes.every(({ entries, readTo }) => entries.length > 0 || readTo >= position)
    return isKnown ? first?.entries.shift() : undefined
  }

  #toEntry(row: Row, channel: string): Entry {
    const createdAtMs = Number(row.created_at_ms)
    return {
      id: String(row.id),
      channel,
      payload: String(row.payload),
      metadata: row.metadata === null ? null : String(row.metadata),
      maxAttempts: this.#context.options.maxAttempts,
      createdAtMs,
      availableAtMs: createdAtMs,
      position: Number(row.position),
    }
  }
}

/** An entry on its way to a consumer. */
export function toDelivery(entry: Entry, attempts: number, lease: Lease | null): LogDelivery {
  return { ...entry, attempts, lease }
}

export interface LogDelivery extends Delivery {
  readonly payload: string
  readonly position: number
}
