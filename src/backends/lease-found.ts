import type { Row } from '../adapters/adapter.js'
import { MARGIN } from '../lease.js'

/** What the database says of a lease after it was asked to extend it. */
export interface LeaseFound {
  /** Epoch milliseconds, by the database's clock. */
  readonly expiresAtMs: number
  /** How long it still lasts, in milliseconds. */
  readonly leftMs: number
}

/** Reads what `find_leased` and `find_group_lease` answer. */
export function toLeaseFound(row: Row): LeaseFound {
  return { expiresAtMs: Number(row.lease_expires_at_ms), leftMs: Number(row.left_ms) }
}

/**
 * Whether a lease was extended; if not, another transaction has its row locked. It ends later by more than it takes to lease a
 * row; or it lasts long enough anyhow, since it was extended just now, or is longer, or the database's clock was set back.
 */
export function isExtended({ expiresAtMs, leftMs }: LeaseFound, endedMs: number, leaseMs: number): boolean {
  return expiresAtMs >= endedMs + leaseMs * (2 * MARGIN) || leftMs >= leaseMs * (1 - 0.8 * MARGIN)
}
