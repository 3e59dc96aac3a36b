import type { Delivery, EventId } from '../../../event.js'
import type { Row } from '../unit-of-work.js'
import { readList, readRare } from './lists.js'
import { textOrNull } from './verb.js'

/** An event as it was claimed, from a queue. */
export interface ClaimedEvent extends Pick<Delivery, 'payload' | 'metadata'> {
  readonly id: EventId
  readonly priority: number
  readonly key: string | null
  readonly attempts: number
  readonly maxAttempts: number
  readonly createdAtMs: number
  readonly availableAtMs: number
  readonly lastError: string | null
  /** By the database's clock, in epoch milliseconds. */
  readonly leaseExpiresAtMs: number
}

/** A row for each event, or lists of them: many events in one row are read in a fraction of the time. */
export function readClaimed(rows: readonly Row[]): readonly ClaimedEvent[] {
  const claimed: ClaimedEvent[] = []
  for (const row of rows) {
    if (typeof row.facts === 'string') readLists(row, readList(row.facts), claimed)
    else if (row.outcome === 'claimed') claimed.push(readRow(row))
  }
  return claimed
}

function readRow(row: Row): ClaimedEvent {
  return {
    id: String(row.id),
    priority: Number(row.priority),
    payload: String(row.payload),
    metadata: textOrNull(row.metadata),
    key: textOrNull(row.dedupe_key),
    attempts: Number(row.attempts),
    maxAttempts: Number(row.max_attempts),
    createdAtMs: Number(row.created_at_ms),
    availableAtMs: Number(row.available_at_ms),
    lastError: textOrNull(row.last_error),
    leaseExpiresAtMs: Number(row.lease_expires_at_ms),
  }
}

/** How many facts there are of each event. */
const FACTS = 6

/**
 * Payloads are read in one go: where they arrive as lists the database has seen to it that they are JSON. A single one,
 * which may be large, stays the text that it is until somebody wants it.
 */
function readLists(row: Row, facts: readonly string[], into: ClaimedEvent[]): void {
  const payloads = facts.length === FACTS ? undefined : (JSON.parse(`[${row.payloads}]`) as readonly unknown[])
  const rare = readRare(row.rare) as Readonly<Record<string, Rare>> | undefined
  const leaseExpiresAtMs = Number(row.lease_expires_at_ms)
  for (let at = 0; at < facts.length; at += FACTS) {
    const id = facts[at] as string
    const { metadata, dedupe_key: key, last_error: lastError } = rare?.[id] ?? NOTHING_RARE
    into.push({
      id,
      priority: Number(facts[at + 1]),
      payload: payloads === undefined ? String(row.payloads) : { value: payloads[at / FACTS] },
      metadata: metadata && { value: metadata[0] },
      key,
      attempts: Number(facts[at + 2]),
      maxAttempts: Number(facts[at + 3]),
      createdAtMs: Number(facts[at + 4]),
      availableAtMs: Number(facts[at + 5]),
      lastError,
      leaseExpiresAtMs,
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
