/** What a fact about one delivery says of it. */
interface OfDelivery {
  readonly eventId: string
  readonly channel: string
  /** 1 on the first delivery. */
  readonly attempt: number
  /** Log: the group that reads; `null` without one, and on other backends. */
  readonly group: string | null
}

/** The database has an event, or met one that was live under its key, whose id this is then. */
export interface PublishedFact {
  readonly type: 'published'
  readonly eventId: string
  readonly channel: string
  /**
   * How long the backend took to store it, in milliseconds of a monotonic clock. Events that were stored together have the
   * same; the time that a call waited before is not in it.
   */
  readonly durationMs: number
}

/** NOTIFY has carried an event; a `published` follows. */
export interface NotifiedFact {
  readonly type: 'notified'
  readonly eventId: string
  readonly channel: string
}

/** `bestEffort` has swallowed the failure of a publish. */
export interface DroppedFact {
  readonly type: 'dropped'
  /** How many events. */
  readonly count: number
}

/** An event was handed to a loop or a handler. */
export interface DeliveredFact extends OfDelivery {
  readonly type: 'delivered'
  /**
   * From `event.availableAt` until now, in milliseconds by the database's clock, as this process knows it; at least 0. A queue's event was
   * due at that time: stored, at the end of its delay, or given back with a delay. One whose lease ran out, or that came back
   * without a delay, keeps its time, so that its earlier attempts are in it. Log: since it was stored, or due again after a
   * nack. Notify: since it was sent.
   */
  readonly waitMs: number
}

/** The handler of a listener has ended. Loops have no handler. */
export interface HandledFact extends OfDelivery {
  readonly type: 'handled'
  /** The handler's own time, in milliseconds of a monotonic clock; settling comes after it. */
  readonly durationMs: number
  /** What the handler threw or rejected with, in `error.value`; `null` when it returned. */
  readonly error: { readonly value: unknown } | null
}

/**
 * How a delivery ended: `ack`; `nack`; `dead` (set aside among the dead letters); `lost` (its lease was lost, or could not
 * be extended in time). A nack of the last attempt is two facts, `dead` and `nack`.
 */
export type How = 'ack' | 'nack' | 'dead' | 'lost'

/** A delivery was settled, and the database has said so; or its holder has lost it. */
export interface SettledFact extends OfDelivery {
  readonly type: 'settled'
  readonly how: How
}

/** An event could not be decoded, or does not match its schema, and was set aside. */
export interface DecodeFailedFact {
  readonly type: 'decodeFailed'
  readonly channel: string
  /** `null` when a notification cannot even be read so far. */
  readonly eventId: string | null
}

/** A subscriber may have missed events. */
export interface GapFact {
  readonly type: 'gap'
  readonly reason: 'reconnect' | 'overflow' | 'retention'
  readonly channels: readonly string[]
  /** How many events; `null` where the count is unknown, which counts as 1. */
  readonly missed: number | null
}

/**
 * What concerns the whole object: notifications cannot be had (`fallback`), the LISTEN connection is back (`reconnected`), a look
 * found nothing that is due (`pollEmpty`), a listener is live or has ended.
 */
export interface ObjectFact {
  readonly type: 'fallback' | 'reconnected' | 'pollEmpty' | 'listenerStarted' | 'listenerStopped'
}

/** One fact, at the moment it became true. `type` tells them apart. */
export type TelemetryFact =
  | PublishedFact
  | NotifiedFact
  | DroppedFact
  | DeliveredFact
  | HandledFact
  | SettledFact
  | DecodeFailedFact
  | GapFact
  | ObjectFact
