import { heldUntil, type Lease } from '../../../common/lease.js'
import { type Delivery, inClaimOrder } from '../../../event.js'
import type { ClaimedEvent } from '../verbs/claimed.js'

/** A delivery with its address in the queue. */
export interface QueueDelivery extends Delivery {
  readonly lease: Lease
  readonly priority: number
  readonly key: string | null
  readonly lastError: string | null
  /** Whether a statement that ends it is on its way. */
  isSettling: boolean
}

/** What a claim leaves its mark with. */
export interface Mark {
  readonly channel: string
  readonly token: string
  readonly leaseMs: number
  /** When it was asked for, by `ownClock`. */
  readonly askedMs: number
}

/** What was claimed, in claim order. */
export function toDeliveries(claimed: readonly ClaimedEvent[], mark: Mark): readonly QueueDelivery[] {
  const heldUntilMs = heldUntil(mark.askedMs, mark.leaseMs)
  return claimed.map((event) => toDelivery(event, mark, heldUntilMs)).sort(inClaimOrder)
}

/** Spelled out: a spread takes ten times as long. */
function toDelivery(event: ClaimedEvent, { channel, token, leaseMs }: Mark, heldUntilMs: number): QueueDelivery {
  return {
    id: event.id,
    channel,
    priority: event.priority,
    payload: event.payload,
    metadata: event.metadata,
    key: event.key,
    attempts: event.attempts,
    maxAttempts: event.maxAttempts,
    createdAtMs: event.createdAtMs,
    availableAtMs: event.availableAtMs,
    lastError: event.lastError,
    position: null,
    isSettling: false,
    lease: {
      token,
      leaseMs,
      expiresAtMs: event.leaseExpiresAtMs,
      heldUntilMs,
      lapsed: false,
      lost: false,
      isLeft: false,
      holder: undefined,
    },
  }
}
