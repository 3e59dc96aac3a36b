import type { Adapter } from '../adapters/adapter.js'
import type { DatabaseClock } from '../clock.js'
import type { Delivery, EventId, Metadata, NewEvent, Settlement } from '../event.js'
import type { BackendName } from '../options.js'
import type { ResolvedChannelOptions, ResolvedSubscribeOptions } from '../resolve.js'
import type { Telemetry } from '../telemetry.js'

/** Delivery semantics: who gets an event, and whether it survives. */
export interface Backend extends AsyncDisposable {
  readonly name: BackendName
  /** Whether events are stored, so that they can be delayed, ranked, deduplicated and delivered again. */
  readonly durable: boolean
  /** Stores or sends events, all or none; in the caller's transaction when there is one. Ids in input order. */
  publish(events: readonly NewEvent[], tx: unknown): Promise<readonly EventId[]>
  /** The same without waiting. Absent: the backend or the driver cannot. */
  readonly publishSync?: ((events: readonly NewEvent[], tx: unknown) => readonly EventId[]) | undefined
  /** Resolves once what is published from now on will be delivered. */
  subscribe(channels: readonly string[], options: ResolvedSubscribeOptions): Promise<Inbox>
  /** Counts by channel; of one, or of all. */
  stats(channel: string | undefined): Promise<readonly ChannelStats[]>
  /** Absent: nothing is set aside. */
  readonly deadLetters?: DeadLetterStore
}

/** One subscription's side of a backend. */
export interface Inbox extends AsyncDisposable {
  /** Waits for at least one delivery; none when the signal aborted. */
  take(limit: number, signal: AbortSignal): Promise<readonly Delivery[]>
  /** `false`: the lease was lost. */
  settle(delivery: Delivery, how: Settlement): Promise<boolean>
}

/** What every backend is made from. */
export interface BackendContext {
  readonly adapter: Adapter
  readonly clock: DatabaseClock
  readonly telemetry: Telemetry
  readonly options: ResolvedChannelOptions
}

/** How one channel stands, at one moment. */
export interface ChannelStats {
  readonly channel: string
  /** Waiting to be claimed. */
  readonly ready: number
  /** In somebody's hands. */
  readonly leased: number
  /** Delayed, or waiting for the next attempt. */
  readonly scheduled: number
  /** Dead letters. */
  readonly dead: number
  /** How long the oldest ready event has been due, in milliseconds; `null` when none is ready. */
  readonly oldestReadyMs: number | null
}

/** An event that was set aside after its last attempt. */
export interface DeadLetter {
  readonly id: EventId
  readonly channel: string
  /** As published; the text itself where it is not JSON. */
  readonly payload: unknown
  readonly metadata: Metadata
  readonly priority: number
  readonly attempts: number
  readonly maxAttempts: number
  /** Its dedupe key, which is free again. */
  readonly key: string | null
  /** Of the last attempt: name and message, at most 2 000 characters. */
  readonly error: string
  readonly createdAt: Date
  /** When it was set aside, by the database's clock. */
  readonly diedAt: Date
}

/** Which dead letters to list. */
export interface DeadLetterPage {
  /** One channel. @default all */
  readonly channel?: string | undefined
  /** Most on this page, 1 to 10 000. @default 100 */
  readonly limit?: number
  /** The id of the last one on the page before. @default the first page */
  readonly after?: EventId | undefined
}

/** Dead letters as stored. Each call names ids that it has checked, or a page. */
export interface DeadLetterStore {
  list(page: Required<Pick<DeadLetterPage, 'limit'>> & DeadLetterPage): Promise<readonly DeadLetter[]>
  get(id: EventId): Promise<DeadLetter | undefined>
  /** Both return how many there were. */
  retry(letters: readonly Pick<DeadLetter, 'id' | 'channel'>[]): Promise<number>
  discard(ids: readonly EventId[], reason: string): Promise<number>
}
