import type { Logger } from '../common/logger.js'
import type { BackoffOptions } from '../common/retry.js'
import type { Schemas } from '../common/schema.js'
import type { Metadata } from '../event.js'

/** Who gets an event, and whether it survives. */
export type BackendName = 'notify' | 'queue' | 'log'

/** A place in a log: after its last event, before its first, or after the event of that position. */
export type StartPosition = 'latest' | 'earliest' | number

/**
 * What `EventChannel.open` takes besides its target. One that is unknown or out of range is a `ConfigurationError`.
 * @typeParam S the validators in `schemas`, from which the types of the channels follow
 */
export interface ChannelOptions<S extends Schemas = Schemas> {
  /** Who gets an event and whether it survives. @default 'notify' on Postgres, 'queue' on MySQL and SQLite */
  readonly backend?: BackendName
  /**
   * Postgres: the schema of our tables, 1 to 63 bytes, not starting with `pg_`; ignored elsewhere. @default 'rowcast'
   */
  readonly schema?: string
  /**
   * MySQL and SQLite: the prefix of our tables, 1 to 32 bytes, without characters beyond U+FFFF. SQLite, and MySQL on file
   * systems that fold case, take `App_` and `app_` for the same. Ignored on Postgres. @default 'rowcast_'
   */
  readonly tablePrefix?: string
  /** How long a delivery stays hidden from others, in milliseconds; a heartbeat extends what is in hand. @default 30_000 */
  readonly leaseMs?: number
  /** Deliveries of an event before it is a dead letter. @default 5 */
  readonly maxAttempts?: number
  /** How long settled events stay in history, in milliseconds; 0 keeps none. @default 86_400_000 */
  readonly retentionMs?: number
  /** Log: whether retention deletes what a group has not read yet, too. @default false */
  readonly dropUnread?: boolean
  /**
   * Longest time between two whole looks for what is due, in milliseconds. Where nothing tells of other processes' publishes
   * (MySQL, MariaDB, Postgres without LISTEN), probes come in between, a fifth of it apart at most. @default 1_000
   */
  readonly pollIntervalMs?: number
  /** Whether opening makes and upgrades the tables. @default true */
  readonly autoMigrate?: boolean
  /** Largest payload, and largest metadata, in bytes of UTF-8 JSON. @default 1_048_576 */
  readonly maxPayloadBytes?: number
  /**
   * Whether `publish` logs and counts what it could not store, instead of throwing; it then resolves to an id that no
   * event has. Mistakes in the call, a closed channel and a failure inside a `tx` are thrown all the same. @default false
   */
  readonly bestEffort?: boolean
  /** A Standard Schema validator per channel: types, and checks at both ends. @default none */
  readonly schemas?: S
  /** Postgres: a direct address for LISTEN, where publishing goes through a pooler. @default the address of the pool */
  readonly listenUrl?: string
  /** Where warnings and errors go. @default the console */
  readonly logger?: Logger
  /** Who this is, in the database's list of connections and in history. @default 'rowcast' */
  readonly serviceName?: string
}

/** What `migrationSql` takes: the options that the channel is opened with, of which `schema` or `tablePrefix` matters. */
export interface PrintOptions extends ChannelOptions {
  /** The version that the tables have already, to print what upgrades them; 0 for none. @default 0 */
  readonly from?: number
}

/** What `publish` takes besides its payload. All but `metadata` and `tx` need a backend that stores events. */
export interface PublishOptions {
  /** JSON that travels beside the payload: a plain object. @default none */
  readonly metadata?: Metadata
  /** Milliseconds until it may be delivered. @default 0 */
  readonly delayMs?: number
  /** When it may be delivered, by the database's clock. @default now */
  readonly availableAt?: Date
  /** 1 = first … 9 = last. @default 5 */
  readonly priority?: number
  /** While an event with this key is live on the channel, publishing again returns that event's id. @default none */
  readonly key?: string
  /** Deliveries before it is a dead letter. @default the channel's */
  readonly maxAttempts?: number
  /**
   * The caller's own open transaction: a `pg` client, a `mysql2` connection, a `better-sqlite3` database. A handle that is
   * in no transaction is refused. @default none
   */
  readonly tx?: unknown
}

/** What `subscribe` takes besides the names of its channels. */
export interface SubscribeOptions {
  /** Events claimed ahead of the consumer; `'auto'` keeps a quarter of a second's work, 1 500 at most. @default 'auto' */
  readonly prefetch?: number | 'auto'
  /** How often to look for events that no wake-up told of, in milliseconds. @default the channel's */
  readonly pollIntervalMs?: number
  /** How long a delivery stays hidden from others, in milliseconds. @default the channel's */
  readonly leaseMs?: number
  /** Whether asking for the next event acks the one before. @default false */
  readonly autoAck?: boolean
  /** Ends the subscription when it aborts. @default none */
  readonly signal?: AbortSignal
  /**
   * Log: where to start; a position is the last one not wanted. A group that has read before goes on where it was.
   * @default 'latest'
   */
  readonly from?: StartPosition
  /**
   * Log: read as a named group, which remembers its position: one member reads, the others stand by. Up to 255 bytes.
   * @default none: every subscriber reads for itself
   */
  readonly group?: string
  /** notify: most events waiting for this subscriber; over it the oldest are dropped and `onGap` is told. @default 10_000 */
  readonly bufferSize?: number
  /** notify, log: called when events may have been missed, so that a cache can be flushed whole. @default none */
  readonly onGap?: (gap: Gap) => void
}

/** Why events may have been missed, and how many where that is known. */
export interface Gap {
  /** The LISTEN connection was rebuilt; the buffer was full; or, on a log, retention has deleted what was not read yet. */
  readonly reason: 'reconnect' | 'overflow' | 'retention'
  /** All channels of the subscription; with `retention` those that it concerns. */
  readonly channels: readonly string[]
  /** How many events; `undefined` where nobody knows. */
  readonly missed: number | undefined
}

/** What `listen` takes besides its channels and its handler. */
export interface ListenOptions extends Omit<SubscribeOptions, 'autoAck'> {
  /** Handlers at a time. @default 1 */
  readonly concurrency?: number
  /** Whether the event is acked when the handler returns. When it throws, it is nacked either way. @default true */
  readonly autoAck?: boolean
  /** Deliveries that this listener gives an event, where that is fewer than the event's own. @default the event's own */
  readonly maxAttempts?: number
  /** Delay before the next attempt, in milliseconds if a function. @default exponential with full jitter, 1 s to 10 min */
  readonly backoff?: BackoffOptions | ((attempt: number) => number)
  /** Most handlers started in a span of time (milliseconds), in this process. @default none */
  readonly rateLimit?: { readonly max: number; readonly perMs: number }
}

/** How a listener's `stop` takes its time. */
export interface StopOptions {
  /** How long to wait for the handlers that run, in milliseconds. They go on afterwards, too. @default 30_000 */
  readonly drainMs?: number
}

/** How `close` takes its time. */
export interface CloseOptions {
  /**
   * How long handlers and loops may still settle what they have in hand before it is given back, in milliseconds. What
   * is held of a subscription that ended before is given back at once. @default 5_000
   */
  readonly drainMs?: number
}
