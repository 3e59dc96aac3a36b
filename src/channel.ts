import { AbandonableAdapter } from './adapters/abandonable.js'
import type { Adapter } from './adapters/adapter.js'
import type { Backend, ChannelStats, DeadLetterStore, GroupStore } from './backends/backend.js'
import { openBackend } from './backends/open.js'
import { DatabaseClock } from './clock.js'
import { Consumers } from './consumers.js'
import { DeadLetters } from './dead-letters.js'
import { ClosedError, ConfigurationError, UnsupportedError } from './errors.js'
import type { EventId, EventMessage, NackOptions } from './event.js'
import type { AnyEvents, MessageOf, Publication } from './event-map.js'
import { Groups } from './groups.js'
import { checkHealth, type Health } from './health.js'
import { letGo } from './letting-go.js'
import type { Handler, Listener } from './listener.js'
import { type AppliedMigration, migrate } from './migrate.js'
import { resolveChannels } from './names.js'
import type {
  BackendName,
  ChannelOptions,
  CloseOptions,
  ListenOptions,
  PublishOptions,
  StopOptions,
  SubscribeOptions,
} from './options.js'
import { Publishing } from './publishing.js'
import {
  type ResolvedChannelOptions,
  resolveChannelOptions,
  resolveCloseOptions,
  resolveListenOptions,
  resolveSubscribeOptions,
} from './resolve.js'
import type { SchemaInputs, SchemaOutputs, Schemas } from './schema.js'
import type { Subscription } from './subscription.js'
import { resolveTarget, type Target } from './target.js'
import { Telemetry, type TelemetryReader } from './telemetry.js'

/**
 * Events through the database you already run.
 *
 * ```ts
 * await using channel = await EventChannel.open('sqlite:./app.db')
 * await channel.publish('orders', { total: 42 })
 * ```
 * @typeParam Events what may be published: channel names and payload types
 * @typeParam Delivered what is delivered; differs from `Events` where a schema transforms
 */
export class EventChannel<Events extends object = AnyEvents, Delivered extends object = Events>
  implements AsyncDisposable
{
  /** Counters since it was opened, and gauges of this moment. */
  readonly telemetry: TelemetryReader
  /** What was set aside after its last attempt. */
  readonly deadLetters: DeadLetters
  /** Log: who remembers a place in it. */
  readonly groups: Groups
  readonly #adapter: AbandonableAdapter
  readonly #backend: Backend
  readonly #options: ResolvedChannelOptions
  readonly #publishing: Publishing
  readonly #consumers: Consumers
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closing: Promise<void> | undefined

  private constructor(parts: {
    adapter: AbandonableAdapter
    backend: Backend
    options: ResolvedChannelOptions
    telemetry: Telemetry
    clock: DatabaseClock
  }) {
    if (!(parts?.telemetry instanceof Telemetry)) {
      throw new ConfigurationError('new EventChannel: a channel is opened: await EventChannel.open(url)')
    }
    this.#adapter = parts.adapter
    this.#backend = parts.backend
    this.#options = parts.options
    this.#consumers = new Consumers({ ...parts, assertNotClosed: () => this.#assertNotClosed() })
    this.#publishing = new Publishing({ ...parts, live: (channels) => this.#consumers.live(channels) })
    this.telemetry = parts.telemetry
    this.deadLetters = new DeadLetters(() => this.#deadLetterStore())
    this.groups = new Groups(() => this.#groupStore())
  }

  /**
   * Opens a channel on a database, and brings its tables up to date unless `autoMigrate` is false.
   * @param target a URL (`sqlite:./app.db`, `sqlite::memory:`, `postgres://…`, `mysql://…`, `mariadb://…`) as text or `URL`, or an adapter
   *   made from a pool of your own
   * @throws {ConfigurationError} when an option or the target is wrong, the database refuses the login, or a driver is
   *   missing
   * @throws {ConnectionError} when the database cannot be reached
   * @throws {MigrationError} when the tables are not the ones this version works on
   * @throws {UnsupportedError} when the database cannot do what the backend needs
   */
  static open<const S extends Schemas>(
    target: Target,
    options: ChannelOptions<S> & { readonly schemas: S },
  ): Promise<EventChannel<SchemaInputs<S>, SchemaOutputs<S>>>
  static open<Events extends object = AnyEvents>(
    target: Target,
    options?: ChannelOptions,
  ): Promise<EventChannel<Events>>
  static async open(target: Target, given: ChannelOptions = {}): Promise<EventChannel> {
    const options = resolveChannelOptions(given)
    const adapter = new AbandonableAdapter(await (await resolveTarget(target)).connect(options))
    try {
      const clock = new DatabaseClock()
      const [time] = await adapter.run('now')
      clock.observe(Number(time?.now_ms))
      const telemetry = new Telemetry()
      const backend = await openBackend({ adapter, clock, telemetry, options })
      return new EventChannel({ adapter, backend, options, telemetry, clock })
    } catch (error) {
      await adapter[Symbol.asyncDispose]()
      throw error
    }
  }

  /** What was picked. */
  get backend(): BackendName {
    return this.#backend.name
  }

  /** The kind of database. */
  get adapter(): Adapter['dialect']['name'] {
    return this.#adapter.dialect.name
  }

  /**
   * Publishes one event; resolves once it is committed (queue) or sent (notify), or, in a transaction of the caller's,
   * once it will commit with it. Waits for subscriptions of this object that are not live yet.
   * @throws {ClosedError} {ConfigurationError} {PayloadError} {ConnectionError}
   * @throws {UnsupportedError} when an option asks for what the backend, which stores nothing, cannot do
   * @see sql/postgres/statements/publish.sql
   */
  publish<C extends keyof Events & string>(channel: C, payload: Events[C], options?: PublishOptions): Promise<EventId> {
    if (this.#state === 'closed') return Promise.reject(closed())
    return this.#publishing.publish(channel, payload, options)
  }

  /**
   * Publishes several events in one transaction, all or none; their ids in input order.
   * @param options.tx the caller's own open transaction, as of `publish`
   * @throws as `publish`
   */
  publishMany(events: readonly Publication<Events>[], options?: Pick<PublishOptions, 'tx'>): Promise<EventId[]> {
    if (this.#state === 'closed') return Promise.reject(closed())
    return this.#publishing.publishMany(events, options)
  }

  /**
   * SQLite only: publishes without waiting, for use inside a synchronous `database.transaction()`. Runs on the database
   * that was passed to `sqlite({ database })` or as `tx`; commits or rolls back with its transaction. Blocks while another
   * process writes, for as long as that database's own timeout says.
   * @throws {UnsupportedError} on other databases and backends
   * @throws {PayloadError} also when the schema of the channel is asynchronous
   */
  publishSync<C extends keyof Events & string>(channel: C, payload: Events[C], options?: PublishOptions): EventId {
    this.#assertNotClosed()
    return this.#publishing.publishSync(channel, payload, options)
  }

  /**
   * Subscribes to one channel or several; listening starts now. Iterate over what it returns, and ack each event.
   * @throws {ClosedError} {ConfigurationError}
   */
  subscribe<C extends keyof Delivered & string>(
    channels: C | readonly C[],
    options?: SubscribeOptions,
  ): Subscription<MessageOf<Delivered, C>> {
    this.#assertOpen()
    const resolved = resolveSubscribeOptions(this.#options, options)
    return this.#consumers.subscribe(resolveChannels(channels), resolved) as unknown as Subscription<
      MessageOf<Delivered, C>
    >
  }

  /**
   * Calls a handler for each event of one channel or several; listening starts now.
   * @throws {ClosedError} {ConfigurationError}
   */
  listen<C extends keyof Delivered & string>(
    channels: C | readonly C[],
    handler: Handler<MessageOf<Delivered, C>>,
    options?: ListenOptions,
  ): Listener {
    this.#assertOpen()
    if (typeof handler !== 'function') throw new ConfigurationError('listen: the handler is not a function')
    const resolved = resolveListenOptions(this.#options, options)
    return this.#consumers.listen(resolveChannels(channels), handler as unknown as Handler, resolved)
  }

  /** Stops a listener by its id; `false` when there is none of that id (any more). */
  async stopListener(id: string, options?: StopOptions): Promise<boolean> {
    return this.#consumers.stopListener(id, options)
  }

  /**
   * Acks an event, or the one of an id, that is in this object's hands; `false` when its lease was lost.
   * @throws {RowcastError} with code `NOT_HELD` when this object holds no event of that id (any more)
   */
  async ack(event: EventMessage | EventId): Promise<boolean> {
    this.#assertNotClosed()
    return this.#consumers.find(event).ack()
  }

  /**
   * Gives back an event, or the one of an id, that is in this object's hands; `false` when its lease was lost.
   * @throws {RowcastError} with code `NOT_HELD` when this object holds no event of that id (any more)
   */
  async nack(event: EventMessage | EventId, options?: NackOptions): Promise<boolean> {
    this.#assertNotClosed()
    return this.#consumers.find(event).nack(options)
  }

  /**
   * One row a channel: how many events are in which stage of life. Counts rows: not for every second.
   * @param channel the one to count. @default all
   * @throws {UnsupportedError} where the backend stores nothing
   * @see sql/postgres/statements/stats.sql
   */
  async stats(channel?: keyof Delivered & string): Promise<readonly ChannelStats[]> {
    this.#assertNotClosed()
    const [name] = channel === undefined ? [] : resolveChannels(channel)
    return this.#backend.stats(name)
  }

  /**
   * Brings the tables up to date, as opening does unless `autoMigrate` is false; returns what was applied. A notify channel
   * opens without tables: for it, this makes them ahead of the first payload that spills.
   * @throws {MigrationError} when the tables are newer than this version or not the ones it made, the database refuses, or
   *   another process has been migrating for a minute
   */
  async migrate(): Promise<readonly AppliedMigration[]> {
    this.#assertNotClosed()
    return migrate(this.#adapter)
  }

  /** Whether the database answers, within five seconds, and no listener has failed. Never rejects. */
  async health(): Promise<Health> {
    return checkHealth(this.#adapter, this.backend, this.#consumers, () => this.#assertNotClosed())
  }

  /**
   * Stops every subscription and listener, gives their handlers and loops up to `drainMs` to settle what they have in hand
   * and to publish, gives the rest back at once with its attempt, waits for what is being published, and lets go of the
   * database; all of it within `drainMs` and five seconds, whatever the network does. Idempotent.
   */
  async close(options?: CloseOptions): Promise<void> {
    const { drainMs } = resolveCloseOptions(options)
    this.#closing ??= this.#close(drainMs)
    await this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(drainMs: number): Promise<void> {
    this.#state = 'closing'
    await this.#consumers.drain(drainMs)
    const lettingGo = letGo({
      consumers: this.#consumers,
      publishing: this.#publishing,
      backend: this.#backend,
      adapter: this.#adapter,
      logger: this.#options.logger,
    })
    this.#state = 'closed'
    await lettingGo
  }

  #deadLetterStore(): DeadLetterStore {
    this.#assertNotClosed()
    if (this.#backend.deadLetters !== undefined) return this.#backend.deadLetters
    throw new UnsupportedError(`backend '${this.backend}' sets nothing aside: open with backend: 'queue'`)
  }

  #groupStore(): GroupStore {
    this.#assertNotClosed()
    if (this.#backend.groups !== undefined) return this.#backend.groups
    throw new UnsupportedError(`backend '${this.backend}' has no groups: open with backend: 'log'`)
  }

  #assertOpen(): void {
    if (this.#state !== 'open') throw closed()
  }

  #assertNotClosed(): void {
    if (this.#state === 'closed') throw closed()
  }
}

function closed(): ClosedError {
  return new ClosedError('the channel is closed: open another one')
}
