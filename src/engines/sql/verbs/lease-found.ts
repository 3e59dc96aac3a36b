import { ownClock } from '../../../common/own-clock.js'
import type { Row } from '../unit-of-work.js'

/** What a database's clock rounds away, on both sides, in milliseconds. */
const ROUNDING_MS = 2

/** What the database says of a lease after it was asked to extend it. */
export interface LeaseFound {
  /** Epoch milliseconds, by the database's clock. */
  readonly expiresAtMs: number
  /** How long it still lasts, in milliseconds; measured after it was asked for, so that it lasts no shorter from then on. */
  readonly leftMs: number
}

/** Reads a lease that was found. */
export function toLeaseFound(row: Row): LeaseFound {
  return { expiresAtMs: Number(row.lease_expires_at_ms), leftMs: Number(row.left_ms) }
}

/**
 * Whether a lease lasts as long as was asked for; if not, another transaction had its row locked.
 * @param askedMs when, by `ownClock`
 */
export function isExtended({ leftMs }: LeaseFound, askedMs: number, leaseMs: number): boolean {
  return leftMs >= leaseMs - (ownClock.now() - askedMs) - ROUNDING_MS
}
