import { DatabaseClock } from './common/clock.js'
import { ConfigurationError } from './common/errors.js'
import { closed, Lifecycle } from './common/lifecycle.js'
import type { SchemaInputs, SchemaOutputs, Schemas } from './common/schema.js'
import { Telemetry, type TelemetryReader } from './common/telemetry.js'
import { Consumers } from './consume/consumers.js'
import type { Handler, Listener } from './consume/listener.js'
import type { Subscription } from './consume/subscription.js'
import type { AppliedMigration, Backend, ChannelStats, Engine, EngineName } from './engine.js'
import type { EventId, EventMessage, NackOptions } from './event.js'
import { resolveTarget, type Target } from './open.js'
import { DeadLetters } from './operate/dead-letters.js'
import { Groups } from './operate/groups.js'
import { checkHealth, type Health } from './operate/health.js'
import type { AnyEvents, MessageOf, Publication } from './options/event-map.js'
import { resolveChannels } from './options/names.js'
import type {
  BackendName,
  ChannelOptions,
  CloseOptions,
  ListenOptions,
  PublishOptions,
  StopOptions,
  SubscribeOptions,
} from './options/options.js'
import {
  type ResolvedChannelOptions,
  resolveChannelOptions,
  resolveCloseOptions,
  resolveListenOptions,
  resolveSubscribeOptions,
} from './options/resolve.js'
import { Publishing } from './publish/publishing.js'

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
  readonly #engine: Engine
  readonly #backend: Backend
  readonly #options: ResolvedChannelOptions
  readonly #publishing: Publishing
  readonly #consumers: Consumers
  readonly #life: Lifecycle

  private constructor(parts: {
    engine: Engine
    backend: Backend
    options: ResolvedChannelOptions
    telemetry: Telemetry
    clock: DatabaseClock
  }) {
    if (!(parts?.telemetry instanceof Telemetry)) {
      throw new ConfigurationError('new EventChannel: a channel is opened: await EventChannel.open(url)')
    }
    this.#engine = parts.engine
    this.#backend = parts.backend
    this.#options = parts.options
    this.#life = new Lifecycle({
      drain: (drainMs) => this.#consumers.drain(drainMs),
      letGo: [
        () => this.#consumers.letGo(),
        () => this.#publishing.idle(),
        async () => this.#backend[Symbol.asyncDispose](),
        async () => this.#engine[Symbol.asyncDispose](),
      ],
      abandon: (error) => {
        this.#publishing.abandon(error)
        this.#engine.abandon()
      },
      logger: parts.options.logger,
    })
    const { assertNotClosed } = this.#life
    this.#consumers = new Consumers({ ...parts, assertNotClosed })
    this.#publishing = new Publishing({ ...parts, live: (channels) => this.#consumers.live(channels) })
    this.telemetry = parts.telemetry
    this.deadLetters = new DeadLetters(parts.backend, assertNotClosed)
    this.groups = new Groups(parts.backend, assertNotClosed)
  }

  /**
   * Opens a channel on a database, and brings its tables up to date unless `autoMigrate` is false.
   * @param target a URL (`sqlite:./app.db`, `sqlite::memory:`, `postgres://…`, `mysql://…`, `mariadb://…`) as text or `URL`, or an engine
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
    const engine = await (await resolveTarget(target)).connect(options)
    try {
      const context = { clock: new DatabaseClock(), telemetry: new Telemetry(), options }
      context.clock.observe(await engine.now())
      const backend = await engine.open(options.backend ?? engine.defaultBackend, context)
      return new EventChannel({ engine, backend, ...context })
    } catch (error) {
      await engine[Symbol.asyncDispose]()
      throw error
    }
  }

  /** What was picked. */
  get backend(): BackendName {
    return this.#backend.name
  }

  /** What carries the events: the kind of database. */
  get engine(): EngineName {
    return this.#engine.name
  }

  /**
   * Publishes one event; resolves once it is committed (queue) or sent (notify), or, in a transaction of the caller's,
   * once it will commit with it. Waits for subscriptions of this object that are not live yet.
   * @throws {ClosedError} {ConfigurationError} {PayloadError} {ConnectionError}
   * @throws {UnsupportedError} when an option asks for what the backend, which stores nothing, cannot do
   * @see sql/postgres/statements/publish.sql
   */
  publish<C extends keyof Events & string>(channel: C, payload: Events[C], options?: PublishOptions): Promise<EventId> {
    if (this.#life.isClosed) return Promise.reject(closed())
    return this.#publishing.publish(channel, payload, options)
  }

  /**
   * Publishes several events in one transaction, all or none; their ids in input order.
   * @param options.tx the caller's own open transaction, as of `publish`
   * @throws as `publish`
   */
  publishMany(events: readonly Publication<Events>[], options?: Pick<PublishOptions, 'tx'>): Promise<EventId[]> {
    if (this.#life.isClosed) return Promise.reject(closed())
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
    this.#life.assertNotClosed()
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
    this.#life.assertOpen()
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
    this.#life.assertOpen()
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
    this.#life.assertNotClosed()
    return this.#consumers.find(event).ack()
  }

  /**
   * Gives back an event, or the one of an id, that is in this object's hands; `false` when its lease was lost.
   * @throws {RowcastError} with code `NOT_HELD` when this object holds no event of that id (any more)
   */
  async nack(event: EventMessage | EventId, options?: NackOptions): Promise<boolean> {
    this.#life.assertNotClosed()
    return this.#consumers.find(event).nack(options)
  }

  /**
   * One row a channel: how many events are in which stage of life. Counts rows: not for every second.
   * @param channel the one to count. @default all
   * @throws {UnsupportedError} where the backend stores nothing
   * @see sql/postgres/statements/stats.sql
   */
  async stats(channel?: keyof Delivered & string): Promise<readonly ChannelStats[]> {
    this.#life.assertNotClosed()
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
    this.#life.assertNotClosed()
    return this.#engine.migrate()
  }

  /** Whether the database answers, within five seconds, and no listener has failed. Never rejects. */
  async health(): Promise<Health> {
    return checkHealth(this.#engine, this.backend, this.#consumers, this.#life.assertNotClosed)
  }

  /**
   * Stops every subscription and listener, gives their handlers and loops up to `drainMs` to settle what they have in hand
   * and to publish, gives the rest back at once with its attempt, waits for what is being published, and lets go of the
   * database; all of it within `drainMs` and five seconds, whatever the network does. Idempotent.
   */
  async close(options?: CloseOptions): Promise<void> {
    await this.#life.close(resolveCloseOptions(options).drainMs)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
