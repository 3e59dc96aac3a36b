import { ownClock } from './own-clock.js'

/** The right to settle one delivery. Fenced: a consumer with another token cannot settle. */
export interface Lease {
  readonly token: string
  /** Epoch milliseconds, by the database's clock; moved on by the heartbeat. For people to read: it decides nothing. */
  expiresAtMs: number
  /** Until when no other consumer can have the event, by `ownClock`, in milliseconds; moved on by the heartbeat. */
  heldUntilMs: number
  /** How long it lasts each time it is extended, in milliseconds. */
  readonly leaseMs: number
  /** Set once, when `heldUntilMs` passed. The database is asked whether it was in time all the same. */
  lapsed: boolean
  /** Set once, when the database said that another consumer holds the event now, or did. */
  lost: boolean
  /** Set once its consumer has gone and left the event unsettled: the heartbeat extends it no more, so that it ends. */
  isLeft: boolean
  /** The message that has the event in hand; told once, when the lease is lapsed or lost. */
  holder: { onLost(): void } | undefined
}

/** What is taken off a lease for clocks that run at different speeds, and for a handler that has to stop. */
const MARGIN = 0.05

/**
 * Until when a lease is held for certain. It began no earlier than it was asked for, so it cannot have ended before.
 * @param askedMs when it was asked for, by `ownClock`
 */
export function heldUntil(askedMs: number, leaseMs: number): number {
  return askedMs + leaseMs * (1 - MARGIN)
}

/** Whether another consumer may have what was delivered: a process that stood still finds that leases have ended. */
export function isStale({ lease }: { readonly lease: Lease | null }): boolean {
  return lease !== null && isOver(lease)
}

/** Whether another consumer may have the event. */
export function isOver({ lost, lapsed, heldUntilMs }: Lease): boolean {
  return lost || lapsed || ownClock.now() >= heldUntilMs
}
