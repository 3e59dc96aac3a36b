import * as v from 'valibot'
import { consoleLogger } from '../common/logger.js'
import { BACKOFF } from '../common/retry.js'
import type { Schemas } from '../common/schema.js'
import type { Given, Taken } from './checks.js'
import * as check from './checks.js'

/*
 * Every option, written once: what it must be, its default, and what it does. From here come the types that callers see, with
 * these comments; what `resolve.ts` checks and fills in; the environment variables; and the tables of `docs/reference.md`, which
 * `docs/write-reference.ts` writes. Each constant is one table.
 */

const backend = check.oneOf('notify', 'queue', 'log')
const attempts = check.count(1, 1_000_000)
const leaseMs = check.ms(10)
const pollIntervalMs = check.ms(1)

/** Who gets an event, and whether it survives. */
export type BackendName = v.InferOutput<typeof backend>

/** A place in a log: after its last event, before its first, or after the event of that position. */
export type StartPosition = v.InferOutput<typeof check.startPosition>

export const channelOptions = {
  /** Who gets an event, and whether it survives. @default 'notify' on Postgres, else 'queue' */
  backend: v.optional(backend),
  /** Postgres: the schema of our tables; ignored elsewhere. @default 'rowcast' */
  schema: v.optional(check.schemaName, 'rowcast'),
  /**
   * MySQL and SQLite: the prefix of our tables; no characters beyond U+FFFF. SQLite, and MySQL on file systems that fold case,
   * take `App_` and `app_` for the same. Ignored on Postgres. @default 'rowcast_'
   */
  tablePrefix: v.optional(check.tablePrefix, 'rowcast_'),
  /** How long a delivery stays hidden from others, in milliseconds; a heartbeat extends what is in hand. @default 30_000 */
  leaseMs: v.optional(leaseMs, 30_000),
  /** Deliveries of an event before it is a dead letter; stored with the event when it is published. @default 5 */
  maxAttempts: v.optional(attempts, 5),
  /**
   * How long settled events stay in history, and spilled payloads and the events of a log (a minute at least), in milliseconds;
   * 0 keeps no history. Of applications that share tables, the longest holds. @default 86_400_000
   */
  retentionMs: v.optional(check.delayMs, 86_400_000),
  /**
   * Longest time between two whole looks for what is due, in milliseconds. Where nothing tells of other processes' publishes
   * (MySQL, MariaDB, Postgres without LISTEN), probes come in between, a fifth of it apart at most. @default 1_000
   */
  pollIntervalMs: v.optional(pollIntervalMs, 1_000),
  /** `log`: whether retention deletes what a group has not read yet, too. @default false */
  dropUnread: v.optional(v.boolean(), false),
  /** Whether opening makes and upgrades the tables. @default true */
  autoMigrate: v.optional(v.boolean(), true),
  /** Largest payload, and largest metadata, in bytes of UTF-8 JSON. @default 1_048_576 */
  maxPayloadBytes: v.optional(check.count(1, 2 ** 30), 2 ** 20),
  /**
   * Whether `publish` logs and counts what it could not store, instead of throwing; it then resolves to an id that no event has.
   * Mistakes in the call, a closed channel and a failure inside a `tx` are thrown all the same. @default false
   */
  bestEffort: v.optional(v.boolean(), false),
  /** A validator per channel, by its name: types, and checks at both ends. @default none */
  schemas: v.optional(check.schemas),
  /** Postgres: a direct address for LISTEN, where publishing goes through a pooler. @default the address of the pool */
  listenUrl: v.optional(check.postgresUrl),
  /** Where warnings and errors go; each method is called with `(message, details?)`. @default the console */
  logger: v.optional(check.logger, consoleLogger),
  /** Who this is: in the database's list of connections, and with host and process in history. @default 'rowcast' */
  serviceName: v.optional(check.text(63), 'rowcast'),
}

/** Channel options that are the defaults of calls. */
type ChannelDefaults = Pick<Taken<typeof channelOptions>, 'leaseMs' | 'maxAttempts' | 'pollIntervalMs'>

/** `schemas` by its own type; as a mapped type it keeps its comment. */
type Validators<S extends Schemas> = {
  readonly [Option in keyof Pick<typeof channelOptions, 'schemas'>]?: S | undefined
}

/**
 * What `EventChannel.open` takes besides its target. One that is unknown or out of range is a `ConfigurationError`.
 * @typeParam S the validators in `schemas`, from which the types of the channels follow
 */
export interface ChannelOptions<S extends Schemas = Schemas>
  extends Omit<Given<typeof channelOptions>, 'schemas'>,
    Validators<S> {}

export const printOptions = {
  /** The version that the tables have already, to print only what upgrades them; 0 for none. @default 0 */
  from: v.optional(check.count(0, 9_999), 0),
}

/** What `migrationSql` takes: the options that the channel is opened with, of which `schema` or `tablePrefix` matters. */
export interface PrintOptions extends ChannelOptions, Given<typeof printOptions> {}

export const publishOptions = {
  /** JSON that travels beside the payload: no `Date`, `Map` or object of a class. @default none */
  metadata: v.optional(check.plainObject),
}

/** What only a backend that schedules can honour. */
export const schedulingOptions = (channel: ChannelDefaults) => ({
  /** Milliseconds until it may be delivered. @default 0 */
  delayMs: v.optional(check.delayMs, 0),
  /** When it may be delivered, by the database's clock; excludes `delayMs`. @default now */
  availableAt: v.optional(check.date),
  /** 1 = first … 9 = last. @default 5 */
  priority: v.optional(check.count(1, 9), 5),
  /** While an event with this key is live on the channel, publishing again returns that event's id. @default none */
  key: v.optional(check.name),
  /** Deliveries before it is a dead letter. @default the channel's */
  maxAttempts: v.optional(attempts, channel.maxAttempts),
})

export const transactionOptions = {
  /**
   * The caller's own open transaction: a `pg` client, a `mysql2` connection, a `better-sqlite3` database. A handle that is in no
   * transaction is refused. @default none
   */
  tx: v.optional(v.unknown()),
}

/** What `publish` takes besides its payload. All but `metadata` and `tx` need a backend that schedules. */
export interface PublishOptions
  extends Given<typeof publishOptions>,
    Given<ReturnType<typeof schedulingOptions>>,
    Given<typeof transactionOptions> {}

export const consumeOptions = (channel: ChannelDefaults) => ({
  /** Events claimed ahead of the consumer; `'auto'` keeps a quarter of a second's work, 0 to 1 500. @default 'auto' */
  prefetch: v.optional(
    v.union([v.literal('auto'), check.count(1, 100_000)], "must be 'auto' or a number from 1 to 100 000"),
    'auto',
  ),
  /** How often to look for events that no wake-up told of, in milliseconds. @default the channel's */
  pollIntervalMs: v.optional(pollIntervalMs, channel.pollIntervalMs),
  /** How long a delivery stays hidden from others, in milliseconds. @default the channel's */
  leaseMs: v.optional(leaseMs, channel.leaseMs),
  /** Ends the subscription when it aborts. @default none */
  signal: v.optional(check.signal),
  /** `notify`: most events waiting for this subscriber; over it the oldest are dropped and `onGap` is told. @default 10_000 */
  bufferSize: v.optional(check.count(1, 10_000_000), 10_000),
  /** `notify`, `log`: called with a `Gap` when events may have been missed, so that a cache can be flushed. @default none */
  onGap: v.optional(check.method<(gap: Gap) => void>()),
})

/** What only a backend with positions can honour. */
export const positionOptions = {
  /**
   * `log`: where to start; a position is the last one not wanted. A group that has read before goes on where it was.
   * @default 'latest'
   */
  from: v.optional(check.startPosition, 'latest'),
  /**
   * `log`: read as a named group, which remembers its position: one member reads, the others stand by.
   * @default none: every subscriber reads for itself
   */
  group: v.optional(check.name),
}

export const subscribeOptions = {
  /** Whether asking for the next event acks the one before. @default false */
  autoAck: v.optional(v.boolean(), false),
}

/** What `subscribe` takes besides the names of its channels. */
export interface SubscribeOptions
  extends Given<ReturnType<typeof consumeOptions>>,
    Given<typeof positionOptions>,
    Given<typeof subscribeOptions> {}

/** Why events may have been missed, and how many where that is known. */
export interface Gap {
  /** The LISTEN connection was rebuilt; the buffer was full; or, on a log, retention has deleted what was not read yet. */
  readonly reason: 'reconnect' | 'overflow' | 'retention'
  /** All channels of the subscription; with `retention` those that it concerns. */
  readonly channels: readonly string[]
  /** How many events; `undefined` where the count is unknown. */
  readonly missed: number | undefined
}

export const backoffOptions = {
  /** First ceiling of the delay, in milliseconds. @default 1_000 */
  minMs: v.optional(check.delayMs, BACKOFF.minMs),
  /** Longest delay, in milliseconds; at least `minMs`. @default 600_000 */
  maxMs: v.optional(check.delayMs, BACKOFF.maxMs),
  /** Growth of the ceiling from one attempt to the next. @default 2 */
  factor: v.optional(check.factor, BACKOFF.factor),
  /** `true`: a random delay between 0 and the ceiling ("full jitter"); `false`: the ceiling. @default true */
  jitter: v.optional(v.boolean(), BACKOFF.jitter),
}

/** How long to wait between attempts. */
export interface BackoffOptions extends Given<typeof backoffOptions> {}

/** Only what was given can contradict itself: `backoffMs` fills in the rest. */
const backoff: check.Check<BackoffOptions | ((attempt: number) => number)> = v.union(
  [
    v.pipe(
      v.strictObject(check.withoutDefaults(backoffOptions)),
      v.check(({ minMs = 0, maxMs = Infinity }) => minMs <= maxMs, 'has a minMs over its maxMs'),
    ),
    check.method<(attempt: number) => number>(),
  ],
  'must be { minMs, maxMs, factor, jitter } or a function of the attempt',
)

export const rateLimitOptions = {
  /** Most handlers started in that span. */
  max: check.count(1, 1_000_000_000),
  /** The span of time, in milliseconds. */
  perMs: check.ms(1),
}

export const listenOptions = {
  /** Handlers at a time. @default 1 */
  concurrency: v.optional(check.count(1, 100_000), 1),
  /** Whether the event is acked when the handler returns. When it throws, it is nacked either way. @default true */
  autoAck: v.optional(v.boolean(), true),
  /** Deliveries that this listener gives an event, where that is fewer than the event's own. @default the event's own */
  maxAttempts: v.optional(attempts),
  /** Delay before the next attempt, in milliseconds if a function. @default exponential with full jitter, 1 s to 10 min */
  backoff: v.optional(backoff),
  /** Most handlers started in a span of time, in this process. @default none */
  rateLimit: v.optional(v.strictObject(rateLimitOptions)),
}

/** What `listen` takes besides its channels and its handler. */
export interface ListenOptions
  extends Given<ReturnType<typeof consumeOptions>>,
    Given<typeof positionOptions>,
    Given<typeof listenOptions> {}

export const stopOptions = {
  /** How long to wait for the handlers that run, in milliseconds. They go on afterwards, too. @default 30_000 */
  drainMs: v.optional(check.ms(0), 30_000),
}

/** How a listener's `stop` takes its time. */
export interface StopOptions extends Given<typeof stopOptions> {}

export const closeOptions = {
  /**
   * How long handlers and loops may still settle what they have in hand before it is given back, in milliseconds. What is held of
   * a subscription that ended before is given back at once. @default 5_000
   */
  drainMs: v.optional(check.ms(0), 5_000),
}

/** How `close` takes its time. */
export interface CloseOptions extends Given<typeof closeOptions> {}

export const nackOptions = {
  /** Milliseconds until it may be delivered again. @default 0 */
  delayMs: v.optional(check.delayMs, 0),
  /** Why: an error or anything else; its text is kept with the event and shown with its dead letter. @default none */
  error: v.optional(v.unknown()),
}

/** How to give an event back. */
export interface NackOptions extends Given<typeof nackOptions> {}

export const pageOptions = {
  /** One channel. @default all */
  channel: v.optional(check.name),
  /**
   * Most on this page. A page does not end between the letters that several groups of a log have of one event, and may be longer
   * by those. @default 100
   */
  limit: v.optional(check.count(1, 10_000), 100),
  /** The id of the last one on the page before. @default the first page */
  after: v.optional(check.eventId),
}

/** Which dead letters to list. */
export interface DeadLetterPage extends Given<typeof pageOptions> {}

export const discardOptions = {
  /** Why; kept in history. */
  reason: check.reason,
}

export const groupOptions = {
  /** One channel. @default all */
  channel: v.optional(check.name),
  /** One group. @default all */
  group: v.optional(check.name),
}

/** Which groups, or which checkpoints of a group. */
export interface GroupFilter extends Given<typeof groupOptions> {}
