import type { DatabaseClock } from './common/clock.js'
import type { Telemetry } from './common/telemetry.js'
import type { Delivery, EventId, Metadata, NewEvent, Settlement } from './event.js'
import type { BackendName, GroupFilter, StartPosition } from './options/options.js'
import type { ResolvedChannelOptions, ResolvedPage, ResolvedSubscribeOptions } from './options/resolve.js'

/*
 * The seam under the facade: what carries events is an engine, and offers one to three backends, each with delivery semantics of
 * its own. Nothing above this file knows which engine it is.
 */

/** What an engine is called; those that come along have these names. */
export type EngineName = 'postgres' | 'mysql' | 'sqlite' | (string & {})

/** What a backend may be able to do beyond carrying events to subscribers. */
export type Capability =
  | 'delay'
  | 'priority'
  | 'dedupeKey'
  | 'maxAttempts'
  | 'position'
  | 'group'
  | 'transaction'
  | 'sync'

/** What carries the events of one channel object. */
export interface Engine extends AsyncDisposable {
  readonly name: EngineName
  readonly defaultBackend: BackendName
  /** Epoch milliseconds by its clock: one round trip, and proof that it answers. */
  now(): Promise<number>
  /** Makes ready what the backend needs, and opens it. */
  open(backend: BackendName, context: EngineContext): Promise<Backend>
  /** What people ask of the events of a backend, and do to them; it need not be open. */
  operator(backend: BackendName, context: EngineContext): Operator
  /** Brings its tables up to date. */
  migrate(): Promise<readonly AppliedMigration[]>
  /** Keeps nothing waiting any more that was asked of it, and breaks its connections. Nothing works after that. */
  abandon(): void
}

/** What every backend is made from. */
export interface EngineContext {
  readonly clock: DatabaseClock
  readonly telemetry: Telemetry
  readonly options: ResolvedChannelOptions
}

/** What a channel tells the engine it opens. */
export interface EngineOptions
  extends Pick<ResolvedChannelOptions, 'schema' | 'tablePrefix' | 'listenUrl' | 'serviceName' | 'logger'> {}

/** What `EventChannel.open` takes besides a URL: made by `postgres()`, `mysql()` or `sqlite()`. */
export interface EngineSource {
  readonly engine: EngineName
  /** @internal */
  connect(options: EngineOptions): Promise<Engine>
}

/** One step of the schema, as it is recorded. */
export interface AppliedMigration {
  /** 1 for the first. */
  readonly version: number
  /** The name of its file, without the number: `queue` of `0001_queue.sql`. */
  readonly name: string
}

/** Delivery: who gets an event, and whether it survives. */
export interface Backend extends AsyncDisposable {
  readonly name: BackendName
  /** What it can do; an option that needs more is refused. */
  readonly can: ReadonlySet<Capability>
  /** Stores or sends events, all or none; in the caller's transaction when there is one. Ids in input order. */
  publish(events: readonly NewEvent[], tx: unknown): Promise<readonly EventId[]>
  /** The same without waiting. Absent: it cannot (`sync`). */
  readonly publishSync?: ((events: readonly NewEvent[], tx: unknown) => readonly EventId[]) | undefined
  /** Resolves once what is published from now on will be delivered. */
  subscribe(channels: readonly string[], options: ResolvedSubscribeOptions): Promise<Inbox>
}

/** What people ask of the events of a backend, and do to them. */
export interface Operator {
  /** Counts by channel; of one, or of all. Absent: nothing is stored. */
  readonly stats?: (channel: string | undefined) => Promise<readonly ChannelStats[]>
  /** Absent: nothing is set aside. */
  readonly deadLetters?: DeadLetterStore
  /** Absent: no reader's place is remembered. */
  readonly groups?: GroupStore
}

/** One subscription's side of a backend. What it takes comes back to it as it was, so that a backend's deliveries may have more to them. */
export interface Inbox<Taken extends Delivery = Delivery> extends AsyncDisposable {
  /** Whether there are more events than one take brings, and another take may be under way at the same time. */
  readonly isPlenty: boolean
  /** Waits for at least one delivery; none when the signal aborted. */
  take(limit: number, signal: AbortSignal): Promise<readonly Taken[]>
  /** Settles for good. One comes for each event, so it is answered by call-back: a promise for each costs more than the rest. */
  ack(delivery: Taken, outcome: Outcome): void
  /** Any other way of settling. `false`: the lease was lost. */
  settle(delivery: Taken, how: Settlement): Promise<boolean>
}

/** Who wants to know how an ack ended. Told one of the two, once; neither throws. */
export interface Outcome {
  /** `false`: the lease was lost. */
  onSettled(held: boolean): void
  /** Nothing is known to be settled. */
  onSettleFailed(error: unknown): void
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
  /** Log: the position of the last event; `null` when there is none, and on other backends. */
  readonly head: number | null
  /** Log: who remembers a place in it; empty on other backends. */
  readonly groups: readonly Pick<Group, 'group' | 'position' | 'lag'>[]
}

/** A named reader of one channel of a log, and how far it has read. */
export interface Group {
  readonly group: string
  readonly channel: string
  /** The last position that is settled, with everything before it. */
  readonly position: number
  /** How many events of the channel come after it. */
  readonly lag: number
  /** Who reads for it now, as `serviceName@host:pid`; `null` when nobody does. */
  readonly consumer: string | null
}

/** Groups as stored. Each call names what it has checked. */
export interface GroupStore {
  list(filter: GroupFilter): Promise<readonly Group[]>
  /** Both leave out those that somebody reads for; they return the channels of the others. */
  seek(group: string, to: StartPosition, channel: string | undefined): Promise<readonly string[]>
  delete(group: string, channel: string | undefined): Promise<readonly string[]>
}

/** An event that was set aside after its last attempt. */
export interface DeadLetter {
  readonly id: EventId
  readonly channel: string
  /** Log: whose dead letter it is; `null` for a queue's. */
  readonly group: string | null
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

/** Dead letters as stored. Each call names ids that it has checked, or a page. */
export interface DeadLetterStore {
  list(page: ResolvedPage): Promise<readonly DeadLetter[]>
  get(id: EventId): Promise<DeadLetter | undefined>
  /** Both return how many there were. */
  retry(letters: readonly Pick<DeadLetter, 'id' | 'channel'>[]): Promise<number>
  discard(ids: readonly EventId[], reason: string): Promise<number>
}
