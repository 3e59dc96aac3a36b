import { PayloadError } from './common/errors.js'
import type { Lease } from './common/lease.js'
import type { NackOptions, PublishOptions } from './options/options.js'
import type { Delay } from './options/resolve.js'

/**
 * A UUIDv7 in its canonical form, made by the publisher, stamped with the database's time.
 * @see https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
 */
export type EventId = string

/** Free-form JSON that travels beside the payload: a tenant, a trace id, a content version. */
export type Metadata = Readonly<Record<string, unknown>>

/**
 * An event as a consumer sees it. Settling it twice the same way is one settlement; of two different ways the first counts.
 * `ack`, `nack` and `extend` reject with a `ClosedError` once the channel is closed.
 */
export interface EventMessage<Payload = unknown, Channel extends string = string> {
  readonly id: EventId
  readonly channel: Channel
  /** The JSON that was published, or what the schema of the channel made of it. */
  readonly payload: Payload
  /** What the publisher gave as `metadata`; empty when it gave none. */
  readonly metadata: Metadata
  /** 1 on the first delivery. */
  readonly attempts: number
  /** When it was stored (queue) or sent (notify), by the database's clock. */
  readonly createdAt: Date
  /** When it became due; `createdAt` unless it was delayed or given back. */
  readonly availableAt: Date
  /** Place in the log, ever growing; `null` on other backends. */
  readonly position: number | null
  /** Until when nobody else gets it, extended while it is in hand; `null` where there is no lease (notify, log without group). */
  readonly leaseExpiresAt: Date | null
  /** Aborts when the lease is lost or the channel closes: stop working on the event then. */
  readonly signal: AbortSignal
  /** Settles for good. Resolves to `false` when the lease was lost, and the event is or will be somebody else's. */
  ack(): Promise<boolean>
  /** Gives back, to be delivered again after `delayMs` (default 0), or to the dead letters after the last attempt. */
  nack(options?: NackOptions): Promise<boolean>
  /**
   * Makes the lease last at least `ms` milliseconds from now; `false` when it was lost, or the event is settled. Rarely
   * needed: a heartbeat extends what is in hand.
   */
  extend(ms: number): Promise<boolean>
}

/** Channel names and the types of their payloads, where none were declared. */
export type AnyEvents = Record<string, unknown>

/** The messages of some channels, each with the payload type of its own. */
export type MessageOf<Events, Channel extends keyof Events & string> = {
  [C in Channel]: EventMessage<Events[C], C>
}[Channel]

/** One event of `publishMany`. */
export type Publication<Events> = {
  [C in keyof Events & string]: { readonly channel: C; readonly payload: Events[C] } & Omit<PublishOptions, 'tx'>
}[keyof Events & string]

/** An event on its way into a backend: checked, encoded, with its id. */
export interface NewEvent {
  readonly id: EventId
  readonly channel: string
  /** JSON text. */
  readonly payload: string
  /** JSON text, or `null` for none. */
  readonly metadata: string | null
  /** 1 first … 9 last. */
  readonly priority: number
  readonly delay: Delay | null
  readonly key: string | null
  readonly maxAttempts: number
}

/** One that has not been sent yet: its id says when it was, since readers look near the newest first. */
export type Draft = Omit<NewEvent, 'id'> & { id: EventId | undefined }

/** Whether it is not due yet at that time, in epoch milliseconds; a delay begins when the database stores it. */
export function isDelayed({ delay }: Pick<NewEvent, 'delay'>, nowMs: number): boolean {
  if (delay === null) return false
  return delay.availableAtMs === null || delay.availableAtMs > nowMs
}

/** JSON as the text that was stored, not yet known to be JSON; or what it says, where it had to be read on the way. */
export type Json = string | { readonly value: unknown }

/** An event on its way out of a backend. */
export interface Delivery {
  readonly id: EventId
  readonly channel: string
  readonly payload: Json
  readonly metadata: Json | null
  readonly attempts: number
  readonly maxAttempts: number
  readonly createdAtMs: number
  readonly availableAtMs: number
  /** Place in the log; `null` elsewhere. */
  readonly position: number | null
  /** `null` where there is none (notify, and a log read without a group). */
  readonly lease: Lease | null
}

/** The order that events of a queue are claimed and locked in, the same everywhere, so that nobody waits in a circle. */
export function inClaimOrder(a: QueueKey, b: QueueKey): number {
  return a.priority - b.priority || (a.id < b.id ? -1 : 1)
}

/** Where in its channel a queue has an event. */
export interface QueueKey {
  readonly priority: number
  readonly id: EventId
}

/** What a consumer decided about a delivery, other than to ack it. */
export type Settlement =
  | { readonly type: 'release' }
  | { readonly type: 'nack'; readonly delayMs: number; readonly error: string | null }
  | { readonly type: 'extend'; readonly leaseMs: number }
  | { readonly type: 'dead'; readonly error: string }

/**
 * Encodes a payload or metadata as JSON text, inside as `JSON.stringify` does it: a nested `undefined` or function is left
 * out (`null` in a list), a nested NaN or infinity is `null`, a Date is its ISO text.
 * @param what how messages call it
 * @throws {PayloadError} when it is not JSON or takes more than `maxBytes` bytes of UTF-8
 */
export function encodeJson(what: string, value: unknown, maxBytes: number): string {
  const text = stringify(what, value)
  // No character takes more than three bytes, so that most texts need no counting.
  const bytes = text.length * 3 <= maxBytes ? 0 : Buffer.byteLength(text)
  if (bytes > maxBytes) {
    throw new PayloadError(
      `${what} is ${bytes} bytes of JSON, over maxPayloadBytes (${maxBytes}): store it elsewhere and publish a reference, or raise the limit`,
    )
  }
  return text
}

function stringify(what: string, value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new PayloadError(`${what} is ${value}, which JSON cannot carry: publish null or a string`)
  }
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
    throw new PayloadError(`${what} is not JSON (${reason}): publish plain data`, { cause })
  }
  if (text === undefined) throw new PayloadError(`${what} is ${typeof value}, which is not JSON: publish plain data`)
  return text
}
