import { heldUntil, type Lease } from '../../../common/lease.js'
import { type Delivery, inClaimOrder } from '../../../event.js'
import type { Row } from '../database.js'
import { readList, readRare } from '../flow/lists.js'

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

/** Reads what was claimed, by exchange.sql or claim.sql: a row for each event, or lists of them. In claim order. */
export function toDeliveries(rows: readonly Row[], mark: Mark): readonly QueueDelivery[] {
  const deliveries: QueueDelivery[] = []
  for (const row of rows) {
    if (typeof row.facts === 'string') readLists(row, readList(row.facts), mark, deliveries)
    else if (row.outcome === 'claimed') deliveries.push(toDelivery(row, mark))
  }
  return deliveries.sort(inClaimOrder)
}

function toDelivery(row: Row, mark: Mark): QueueDelivery {
  return {
    id: String(row.id),
    channel: mark.channel,
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
    isSettling: false,
    lease: toLease(mark, Number(row.lease_expires_at_ms)),
  }
}

function toLease({ token, leaseMs, askedMs }: Mark, expiresAtMs: number): Lease {
  const heldUntilMs = heldUntil(askedMs, leaseMs)
  return { token, leaseMs, expiresAtMs, heldUntilMs, lapsed: false, lost: false, isLeft: false, holder: undefined }
}

/** How many facts there are of each event. */
const FACTS = 6

/**
 * Payloads are read in one go: where they arrive as lists the database has seen to it that they are JSON. A single one,
 * which may be large, stays the text that it is until somebody wants it.
 */
function readLists(row: Row, facts: readonly string[], mark: Mark, into: QueueDelivery[]): void {
  const payloads = facts.length === FACTS ? undefined : (JSON.parse(`[${row.payloads}]`) as readonly unknown[])
  const rare = readRare(row.rare) as Readonly<Record<string, Rare>> | undefined
  const expiresAtMs = Number(row.lease_expires_at_ms)
  for (let at = 0; at < facts.length; at += FACTS) {
    const id = facts[at] as string
    const { metadata, dedupe_key: key, last_error: lastError } = rare?.[id] ?? NOTHING_RARE
    into.push({
      id,
      channel: mark.channel,
      priority: Number(facts[at + 1]),
      payload: payloads === undefined ? String(row.payloads) : { value: payloads[at / FACTS] },
      metadata: metadata && { value: metadata[0] },
      key,
      attempts: Number(facts[at + 2]),
      maxAttempts: Number(facts[at + 3]),
      createdAtMs: Number(facts[at + 4]),
      availableAtMs: Number(facts[at + 5]),
      lastError,
      position: null,
      isSettling: false,
      lease: toLease(mark, expiresAtMs),
    })
  }
}

/** What only some events have. */
interface Rare {
  /** In a list of one: it may be a JSON null, which is not none. */
  readonly metadata: readonly [unknown] | null
  readonly dedupe_key: string | null
  readonly last_error: string | null
}

const NOTHING_RARE: Rare = { metadata: null, dedupe_key: null, last_error: null }

/** How settling statements name a delivery. */
export function addressOf({ priority, id, lease }: QueueDelivery) {
  return { priority, id, lease_token: lease.token }
}
