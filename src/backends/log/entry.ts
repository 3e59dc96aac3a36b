import type { Row } from '../../adapters/adapter.js'
import type { Delivery, Lease } from '../../event.js'

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

export function toEntry(row: Row, channel: string, group: string, maxAttempts: number): Entry {
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

/** An entry, or a delivery of it, on its way to a consumer. Spelled out: a spread takes ten times as long. */
export function toDelivery(entry: Omit<Entry, 'group'>, attempts: number, lease: Lease | null): LogDelivery {
  const { id, channel, payload, metadata, maxAttempts, createdAtMs, availableAtMs, position } = entry
  return { id, channel, payload, metadata, attempts, maxAttempts, createdAtMs, availableAtMs, position, lease }
}
