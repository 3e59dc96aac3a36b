import { ConfigurationError } from './common/errors.js'
import { Lifecycle } from './common/lifecycle.js'
import type { SchemaInputs, SchemaOutputs, Schemas } from './common/schema.js'
import { Telemetry, type TelemetryReader } from './common/telemetry.js'
import { Consumers } from './consume/consumers.js'
import type { Handler, Listener } from './consume/listener.js'
import type { Subscription } from './consume/subscription.js'
import type { AppliedMigration, ChannelStats, Engine, EngineName, Operator } from './engine.js'
import type { AnyEvents, EventId, EventMessage, MessageOf, Publication } from './event.js'
import { type Opened, openEngine, type Target } from './open.js'
import { DeadLetters } from './operate/dead-letters.js'
import { Groups } from './operate/groups.js'
import { checkHealth, type Health } from './operate/health.js'
import { countEvents } from './operate/stats.js'
import type {
  BackendName,
  ChannelOptions,
  CloseOptions,
  ListenOptions,
  NackOptions,
  PublishOptions,
  StopOptions,
  SubscribeOptions,
} from './options/options.js'
import { resolveCloseOptions } from './options/resolve.js'
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
  /** What was picked. */
  readonly backend: BackendName
  /** What carries the events: the kind of database. */
  readonly engine: EngineName
  readonly #engine: Engine
  readonly #operator: Operator
  readonly #publishing: Publishing
  readonly #consumers: Consumers
  readonly #life: Lifecycle

  private constructor(opened: Opened) {
    if (!(opened?.telemetry instanceof Telemetry)) {
      throw new ConfigurationError('new EventChannel: a channel is opened: await EventChannel.open(url)')
    }
    const { engine, backend, operator } = opened
    this.#engine = engine
    this.engine = engine.name
    this.backend = backend.name
    this.#life = new Lifecycle(opened.options.logger, {
      drain: (drainMs) => this.#consumers.drain(drainMs),
      letGo: [() => this.#consumers.letGo(), () => this.#publishing.idle(), backend, engine],
      abandon: [(error) => this.#publishing.abandon(error), () => engine.abandon()],
    })
    const { assertOpen, assertNotClosed, refusal } = this.#life
    this.#consumers = new Consumers({ ...opened, assertOpen, assertNotClosed })
    this.#publishing = new Publishing({ ...opened, refusal, live: (channels) => this.#consumers.live(channels) })
    this.#operator = operator
    this.telemetry = opened.telemetry
    this.deadLetters = new DeadLetters(operator, backend.name, assertNotClosed)
    this.groups = new Groups(operator, backend.name, assertNotClosed)
  }

  /**
   * Opens a channel on a database, and brings its tables up to date unless `autoMigrate` is false.
   * @param target a URL (`sqlite:./app.db`, `sqlite::memory:`, `postgres://…`, `mysql://…`, `mariadb://…`) as text or `URL`, or an engine
   *   made from a pool of your own
   * @throws {ConfigurationError} for a wrong option or target, a login that is refused, a driver that is missing
   * @throws {ConnectionError} when the database cannot be reached; {MigrationError} when its tables are not those of this
   *   version; {UnsupportedError} when it cannot do what the backend needs
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
    return new EventChannel(await openEngine(target, given))
  }

  /**
   * Publishes one event; resolves once it is committed (queue) or sent (notify), or, in a transaction of the caller's,
   * once it will commit with it. Waits for subscriptions of this object that are not live yet.
   * @throws {ClosedError} {ConfigurationError} {PayloadError} {ConnectionError}
   * @throws {UnsupportedError} when an option asks for what the backend, which stores nothing, cannot do
   * @see sql/postgres/queue/publish.sql
   */
  publish<C extends keyof Events & string>(channel: C, payload: Events[C], options?: PublishOptions): Promise<EventId> {
    return this.#publishing.publish(channel, payload, options)
  }

  /**
   * Publishes several events in one transaction, all or none, else as `publish`; their ids in input order.
   * @param options.tx the caller's own open transaction
   */
  publishMany(events: readonly Publication<Events>[], options?: Pick<PublishOptions, 'tx'>): Promise<EventId[]> {
    return this.#publishing.publishMany(events, options)
  }

  /**
   * SQLite only: publishes without waiting, for use inside a synchronous `database.transaction()`. Runs on the database
   * that was passed to `sqlite({ database })` or as `tx`; commits or rolls back with its transaction. Blocks while another
   * process writes, for as long as that database's own timeout says.
   * @throws {UnsupportedError} on other databases and backends; {PayloadError} also when the schema is asynchronous
   */
  publishSync<C extends keyof Events & string>(channel: C, payload: Events[C], options?: PublishOptions): EventId {
    return this.#publishing.publishSync(channel, payload, options)
  }

  /** Subscribes, from now on: iterate over what it returns, and ack each event. @throws {ClosedError} {ConfigurationError} */
  subscribe<C extends keyof Delivered & string>(
    channels: C | readonly C[],
    options?: SubscribeOptions,
  ): Subscription<MessageOf<Delivered, C>> {
    return this.#consumers.subscribe(channels, options) as unknown as Subscription<MessageOf<Delivered, C>>
  }

  /** Calls a handler for each event, from now on. @throws {ClosedError} {ConfigurationError} */
  listen<C extends keyof Delivered & string>(
    channels: C | readonly C[],
    handler: Handler<MessageOf<Delivered, C>>,
    options?: ListenOptions,
  ): Listener {
    return this.#consumers.listen(channels, handler as unknown as Handler, options)
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
    return this.#consumers.find(event).ack()
  }

  /** Gives back an event, or the one of an id, as `ack` settles it for good. */
  async nack(event: EventMessage | EventId, options?: NackOptions): Promise<boolean> {
    return this.#consumers.find(event).nack(options)
  }

  /**
   * One row for each channel, or for one: how many events are in which stage of life. Counts rows: not for every second.
   * @throws {UnsupportedError} where the backend stores nothing
   */
  async stats(channel?: keyof Delivered & string): Promise<readonly ChannelStats[]> {
    this.#life.assertNotClosed()
    return countEvents(this.#operator, this.backend, channel)
  }

  /**
   * Brings the tables up to date, as opening does unless `autoMigrate` is false; returns what was applied. A notify channel
   * opens without tables: for it, this makes them ahead of the first payload that spills.
   * @throws {MigrationError} when the tables are not its own, the database refuses, or another process is at it for a minute
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
