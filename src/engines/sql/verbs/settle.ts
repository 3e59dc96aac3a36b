import type { EventId } from '../../../event.js'
import type { Row } from '../unit-of-work.js'
import { type Leased, toAddress } from './claim.js'
import { type LeaseFound, toLeaseFound } from './lease-found.js'
import { countRows, defineVerb, readIds } from './verb.js'

/* What extends the leases of a queue and ends them otherwise than by an ack; each answers with the ids whose lease was held. */

interface Released {
  readonly delivery: Leased
  /** Whether the attempt did not happen. */
  readonly isUntried: boolean
  /** What the last attempt ended with; `null` leaves what is there. */
  readonly error: string | null
}

/** Makes leased events of one channel ready at once. */
export const release = defineVerb(
  'queue/release',
  (channel: string, released: readonly Released[]) => ({
    channel,
    deliveries: released.map(({ delivery, isUntried, error }) => ({
      ...toAddress(delivery),
      given_back: isUntried ? 1 : 0,
      error,
    })),
  }),
  readIds,
)

interface Rescheduled extends Pick<Released, 'delivery' | 'error'> {
  readonly delayMs: number
}

/** Moves leased events of one channel to those that are due later. */
export const reschedule = defineVerb(
  'queue/reschedule',
  (channel: string, rescheduled: readonly Rescheduled[]) => ({
    channel,
    deliveries: rescheduled.map(({ delivery, delayMs, error }) => ({
      ...toAddress(delivery),
      delay_ms: delayMs,
      error,
    })),
  }),
  readIds,
)

interface Dead {
  readonly delivery: Leased
  readonly error: string
}

/** Moves leased events of one channel to the dead letters. */
export const deadLetter = defineVerb(
  'queue/dead_letter',
  (channel: string, dead: readonly Dead[]) => ({
    channel,
    deliveries: dead.map(({ delivery, error }) => ({ ...toAddress(delivery), error })),
  }),
  readIds,
)

/** A leased event of any channel. */
interface LeasedIn extends Leased {
  readonly channel: string
}

/** Extends leases that are held, but for those whose row another transaction has locked. What came of it is for `findLeased` to say. */
export const extend = defineVerb(
  'queue/extend',
  (deliveries: readonly LeasedIn[], leaseMs: number) => ({
    deliveries: deliveries.map((delivery) => ({ ...toAddressIn(delivery), lease_ms: leaseMs })),
  }),
  countRows,
)

/** Which leases are held, and until when, by event. */
export const findLeased = defineVerb(
  'queue/find_leased',
  (deliveries: readonly LeasedIn[]) => ({ deliveries: deliveries.map(toAddressIn) }),
  (rows: readonly Row[]): ReadonlyMap<EventId, LeaseFound> =>
    new Map(rows.map((row) => [String(row.id), toLeaseFound(row)])),
)

/** Which of these were acked under the lease that they have here, as history knows. */
export const findAcked = defineVerb(
  'queue/find_acked',
  (deliveries: readonly Leased[]) => ({ settled: deliveries.map(toAddress) }),
  readIds,
)

/** Deletes from history what is older than the retention time, at most `limit` events; answers with how many. */
export const purgeHistory = defineVerb(
  'queue/purge',
  (retentionMs: number, limit: number) => ({ retention_ms: retentionMs, limit }),
  countRows,
)

function toAddressIn(delivery: LeasedIn) {
  return { channel: delivery.channel, ...toAddress(delivery) }
}
