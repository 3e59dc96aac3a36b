import type { Delivery, EventId, NewEvent } from '../../../event.js'
import { isEventId } from '../../../options/names.js'

/** What NOTIFY carries at most, in bytes of UTF-8. @see https://www.postgresql.org/docs/current/sql-notify.html */
export const MAX_NOTIFICATION_BYTES = 7_999

/** An envelope whose payload waits in the spill table. */
export interface Promised extends Omit<Delivery, 'payload'> {
  readonly payload: undefined
}

/** What arrived: with its payload, or with the promise of one. */
export type Arrival = Delivery | Promised

/**
 * Compact JSON: i id, t time of publishing, c channel, m metadata, p payload; s instead of m and p when they spilled. The
 * payload is last, so that a reader who knows what stands before it need not parse it to find its end.
 */
export function encodeEnvelope(
  { id, payload, metadata }: NewEvent,
  createdAtMs: number,
  { name, more }: Address,
): Sealed {
  const head = `{"i":"${id}","t":${Math.floor(createdAtMs)},"c":${name}`
  const text = metadata === null ? `${head},"p":${payload}}` : `${head},"m":${metadata},"p":${payload}}`
  // Of the parts: to count the whole, it would have to be put together here, and once more with others.
  const bytes = text.length + more + moreOf(payload) + (metadata === null ? 0 : moreOf(metadata))
  if (bytes <= MAX_NOTIFICATION_BYTES) return { text, bytes, isSpilled: false }
  const promise = `${head},"s":1}`
  return { text: promise, bytes: promise.length + more, isSpilled: true }
}

/** An envelope to be sent. */
export interface Sealed {
  readonly text: string
  /** Of UTF-8. */
  readonly bytes: number
  readonly isSpilled: boolean
}

/** A channel as envelopes name it. */
export interface Address {
  readonly channel: string
  /** As JSON. */
  readonly name: string
  /** How many bytes more than characters that is. */
  readonly more: number
  /** What stands between the time and a payload without metadata. */
  readonly mark: string
}

export function addressOf(channel: string): Address {
  const name = JSON.stringify(channel)
  return { channel, name, more: moreOf(name), mark: `,"c":${name},"p":` }
}

/** How many bytes more than characters a text has. */
function moreOf(text: string): number {
  return Buffer.byteLength(text) - text.length
}

const HEAD = /^\{"i":"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})","t":(\d{1,15})/

/**
 * Reads an envelope that came to an address; `undefined` when it is for another, since two names may share a hashed topic.
 * Anybody may NOTIFY on a channel, so nothing in it is believed; whether the payload is JSON is for its decoder to find.
 * @throws {TypeError} {SyntaxError} when it is not one of ours
 */
export function decodeEnvelope(text: string, { channel, mark }: Address): Arrival | undefined {
  // Parsing the whole to find the payload, which is then parsed with it, takes three times as long.
  const [head, id, time] = HEAD.exec(text) ?? []
  if (head !== undefined && id !== undefined && text.startsWith(mark, head.length) && text.endsWith('}')) {
    return arrival(id, channel, Number(time), text.slice(head.length + mark.length, -1), null)
  }
  return parse(text, channel)
}

function parse(text: string, channel: string): Arrival | undefined {
  const envelope: unknown = JSON.parse(text)
  if (typeof envelope !== 'object' || envelope === null) throw new TypeError('not an envelope')
  const { i, t, c, p, m, s } = envelope as Record<string, unknown>
  if (!isEventId(i) || !isTime(t) || typeof c !== 'string') throw new TypeError('not an envelope')
  if (c !== channel) return undefined
  if (s === 1) return arrival(i, channel, t, undefined, null)
  if (p === undefined || (m !== undefined && (typeof m !== 'object' || m === null || Array.isArray(m))))
    throw new TypeError('no payload')
  return arrival(i, channel, t, { value: p }, m === undefined ? null : JSON.stringify(m))
}

const MAX_TIME_MS = 8.64e15

/** A time that a Date can hold, in epoch milliseconds. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= MAX_TIME_MS
}

function arrival<Payload>(
  id: EventId,
  channel: string,
  createdAtMs: number,
  payload: Payload,
  metadata: string | null,
): Omit<Delivery, 'payload'> & { readonly payload: Payload } {
  return {
    id,
    channel,
    payload,
    metadata,
    attempts: 1,
    maxAttempts: 1,
    createdAtMs,
    availableAtMs: createdAtMs,
    position: null,
    lease: null,
  }
}
