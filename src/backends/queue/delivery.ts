import type { Row } from '../../adapters/adapter.js'
import type { Delivery, Lease } from '../../event.js'

/** A delivery with its address in the queue. */
export interface QueueDelivery extends Delivery {
  readonly lease: Lease
  readonly priority: number
  readonly key: string | null
  readonly lastError: string | null
}

/** Reads a `claimed` row of exchange.sql. */
export function toDelivery(row: Row, channel: string, token: string, leaseMs: number): QueueDelivery {
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

/** How settling statements name a delivery. */
export function addressOf({ priority, id, lease }: QueueDelivery) {
  return { priority, id, lease_token: lease.token }
}

/** Claim order: priority, then id. */
export function inClaimOrder(a: QueueDelivery, b: QueueDelivery): number {
  return a.priority - b.priority || (a.id < b.id ? -1 : 1)
}
