import type { Row } from '../../adapters/adapter.js'
import { type Delivery, inClaimOrder, type Lease } from '../../event.js'
import { readList, readRare } from '../lists.js'

/** A delivery with its address in the queue. */
export interface QueueDelivery extends Delivery {
  readonly lease: Lease
  readonly priority: number
  readonly key: string | null
  readonly lastError: string | null
}

/** What a claim leaves its mark with. */
export interface Mark {
  readonly channel: string
  readonly token: string
  readonly leaseMs: number
}

/** Reads the `claimed` rows of exchange.sql and claim.sql: an event each, or many as lists. In claim order. */
export function toDeliveries(rows: readonly Row[], mark: Mark): readonly QueueDelivery[] {
  const deliveries: QueueDelivery[] = []
  for (const row of rows) {
    if (row.outcome !== 'claimed') continue
    if (typeof row.ids === 'string') readLists(row, row.ids.split(','), mark, deliveries)
    else deliveries.push(toDelivery(row, mark))
  }
  return deliveries.sort(inClaimOrder)
}

function toDelivery(row: Row, { channel, token, leaseMs }: Mark): QueueDelivery {
  return {
    id: String(row.id),
    channel,
    priority: Number(row.priority),
    payload: String(row.payload),
    metadata: row.metadata === null ? null : String(row.metadata),
    key: row.dedupe_key === null ? null : String(row.dedupe_key),
    attempts: Number(row.attempts),
    maxAttempts: Number(row.max_attempts),
    createdAtMs: Number(row.created_at_ms),
    availableAtMs: Number(row.available_at_ms),
    lastError: row.last_error === null ? null : String(row.last_error),
    position: null,
    lease: { token, leaseMs, expiresAtMs: Number(row.lease_expires_at_ms), lost: false, holder: undefined },
  }
}

/**
 * Payloads are read in one go: where they arrive as lists the database has seen to it that they are JSON. A single one,
 * which may be large, stays the text that it is until somebody wants it.
 */
function readLists(row: Row, ids: readonly string[], { channel, token, leaseMs }: Mark, into: QueueDelivery[]): void {
  const payloads = ids.length === 1 ? undefined : (JSON.parse(`[${row.payloads}]`) as readonly unknown[])
  const [metadata, keys, errors] = [readRare(row.metadata), readRare(row.dedupe_keys), readRare(row.last_errors)]
  const [priorities, attempts, maxAttempts] = [
    readList(row.priorities),
    readList(row.attempts),
    readList(row.max_attempts),
  ]
  const [createdAt, availableAt] = [readList(row.created_at_ms), readList(row.available_at_ms)]
  const expiresAtMs = Number(row.lease_expires_at_ms)
  for (const [index, id] of ids.entries()) {
    const about = metadata?.[id]
    into.push({
      id,
      channel,
      priority: Number(priorities[index]),
      payload: payloads === undefined ? String(row.payloads) : { value: payloads[index] },
      metadata: about === undefined ? null : { value: about },
      key: (keys?.[id] as string | undefined) ?? null,
      attempts: Number(attempts[index]),
      maxAttempts: Number(maxAttempts[index]),
      createdAtMs: Number(createdAt[index]),
      availableAtMs: Number(availableAt[index]),
      lastError: (errors?.[id] as string | undefined) ?? null,
      position: null,
      lease: { token, leaseMs, expiresAtMs, lost: false, holder: undefined },
    })
  }
}

/** How settling statements name a delivery. */
export function addressOf({ priority, id, lease }: QueueDelivery) {
  return { priority, id, lease_token: lease.token }
}
