import type { Delivery, EventId, NewEvent } from '../../event.js'
import { isEventId } from '../../names.js'

/** What NOTIFY carries at most, in bytes of UTF-8. @see https://www.postgresql.org/docs/current/sql-notify.html */
export const MAX_ENVELOPE_BYTES = 7_999

/** An envelope as it arrives: with its payload, or with the promise of one in the spill table. */
export type Arrival =
  | { readonly spilled: false; readonly delivery: Delivery }
  | { readonly spilled: true; readonly delivery: Omit<Delivery, 'payload' | 'metadata'> }

/** Compact JSON: i id, t time of publishing, c channel, p payload, m metadata; s instead of p and m when they spilled. */
export function seal({ id, channel, payload, metadata }: NewEvent, createdAtMs: number): string {
  const head = `{"i":"${id}","t":${Math.floor(createdAtMs)},"c":${JSON.stringify(channel)}`
  const whole = `${head},"p":${payload}${metadata === null ? '' : `,"m":${metadata}`}}`
  return Buffer.byteLength(whole) <= MAX_ENVELOPE_BYTES ? whole : `${head},"s":1}`
}

export function isSpilled(envelope: string): boolean {
  return envelope.endsWith(',"s":1}')
}

/**
 * Reads an envelope. Anybody may NOTIFY on a channel, so nothing in it is believed.
 * @throws {TypeError} {SyntaxError} when it is not one of ours
 */
export function unseal(text: string): Arrival {
  const envelope: unknown = JSON.parse(text)
  if (typeof envelope !== 'object' || envelope === null) throw new TypeError('not an envelope')
  const { i, t, c, p, m, s } = envelope as Record<string, unknown>
  if (!isEventId(i) || !isTime(t) || typeof c !== 'string') throw new TypeError('not an envelope')
  const head = addressed(i, c, t)
  if (s === 1) return { spilled: true, delivery: head }
  if (p === undefined || (m !== undefined && (typeof m !== 'object' || m === null || Array.isArray(m))))
    throw new TypeError('no payload')
  const metadata = m === undefined ? null : JSON.stringify(m)
  return { spilled: false, delivery: { ...head, payload: { value: p }, metadata } }
}

const MAX_TIME_MS = 8.64e15

/** A time that a Date can hold, in epoch milliseconds. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= MAX_TIME_MS
}

function addressed(id: EventId, channel: string, createdAtMs: number): Omit<Delivery, 'payload' | 'metadata'> {
  return {
    id,
    channel,
    attempts: 1,
    maxAttempts: 1,
    createdAtMs,
    availableAtMs: createdAtMs,
    position: null,
    lease: null,
  }
}
