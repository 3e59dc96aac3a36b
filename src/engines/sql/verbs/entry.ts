import type { Delivery } from '../../../event.js'
import type { Row } from '../unit-of-work.js'
import { readList, readRare } from './lists.js'
import { textOrNull } from './verb.js'

/** One event of the log, as it is stored. */
export interface Entry extends Omit<Delivery, 'lease' | 'attempts' | 'position'> {
  readonly payload: string
  readonly position: number
  /** Whose dead letter it was; empty for everybody's events. */
  readonly group: string
}

/** What an entry has besides its row. */
type About = Pick<Entry, 'channel' | 'group' | 'maxAttempts'>

/** No JSON text holds this character. */
const PARTING = '\x1e'

/** Rows of one channel: an event each, or lists of many. In the order of positions. */
export function readEntries(rows: readonly Row[], channel: string, maxAttempts: number): readonly Entry[] {
  const entries: Entry[] = []
  for (const row of rows) {
    const group = String(row.consumer_group ?? '')
    const about = { channel, group, maxAttempts }
    if (typeof row.ids === 'string') readLists(row, readList(row.ids), about, entries)
    else entries.push(readEntry(row, about))
  }
  return entries.sort((a, b) => a.position - b.position)
}

function readEntry(row: Row, { channel, group, maxAttempts }: About): Entry {
  const createdAtMs = Number(row.created_at_ms)
  return {
    id: String(row.id),
    channel,
    group,
    payload: String(row.payload),
    metadata: textOrNull(row.metadata),
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
