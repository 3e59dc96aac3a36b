import type { Lease } from '../../../common/lease.js'
import type { Delivery } from '../../../event.js'
import type { Row } from '../database.js'
import { readList, readRare } from '../flow/lists.js'

/** One event of the log, as it is stored. */
export interface Entry extends Omit<Delivery, 'lease' | 'attempts' | 'position'> {
  readonly payload: string
  readonly position: number
  /** Whose dead letter it was; empty for everybody's events. */
  readonly group: string
}

/** An entry in the hands of a consumer. */
export interface LogDelivery extends Delivery {
  readonly payload: string
  readonly position: number
}

/** Everything of one channel that a group reads, after one position and up to another. */
export interface Reading {
  readonly entries: readonly Entry[]
  readonly to: number
}

/** What an entry has besides its row. */
type About = Pick<Entry, 'channel' | 'group' | 'maxAttempts'>

/** No JSON text holds this character. */
const PARTING = '\x1e'

/** Reads rows of one channel, as read_log.sql has them: an event each, or many as lists. In the order of positions. */
export function toEntries(rows: readonly Row[], channel: string, maxAttempts: number): readonly Entry[] {
  const entries: Entry[] = []
  for (const row of rows) {
    const group = String(row.consumer_group ?? '')
    const about = { channel, group, maxAttempts }
    if (typeof row.ids === 'string') readLists(row, readList(row.ids), about, entries)
    else entries.push(toEntry(row, about))
  }
  return entries.sort((a, b) => a.position - b.position)
}

function toEntry(row: Row, { channel, group, maxAttempts }: About): Entry {
  const createdAtMs = Number(row.created_at_ms)
  return {
    id: String(row.id),
    channel,
    group,
    payload: String(row.payload),
    metadata: row.metadata === null ? null : String(row.metadata),
    maxAttempts,
    createdAtMs,
    availableAtMs: createdAtMs,
    position: Number(row.position),
  }
}

function readLists(row: Row, ids: readonly string[], { channel, group, maxAttempts }: About, into: Entry[]): void {
  const [positions, createdAt] = [readList(row.positions), readList(row.created_at_ms)]
  const payloads = String(row.payloads).split(PARTING)
  const metadata = readRare(row.metadata)
  for (const [index, id] of ids.entries()) {
    const createdAtMs = Number(createdAt[index])
    into.push({
      id,
      channel,
      group,
      payload: payloads[index] ?? '',
      metadata: (metadata?.[id] as string | undefined) ?? null,
      maxAttempts,
      createdAtMs,
      availableAtMs: createdAtMs,
      position: Number(positions[index]),
    })
  }
}

/** An entry, or a delivery of it, on its way to a consumer. Spelled out: a spread takes ten times as long. */
export function toDelivery(entry: Omit<Entry, 'group'>, attempts: number, lease: Lease | null): LogDelivery {
  const { id, channel, payload, metadata, maxAttempts, createdAtMs, availableAtMs, position } = entry
  return { id, channel, payload, metadata, attempts, maxAttempts, createdAtMs, availableAtMs, position, lease }
}
