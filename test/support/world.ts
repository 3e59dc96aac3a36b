import {
  type ChannelOptions,
  EventChannel,
  type EventMessage,
  type SubscribeOptions,
  type Subscription,
} from '../../src/index.js'
import type { Place } from './databases.js'
import { silent } from './logger.js'
import type { Subject } from './subjects.js'
import { within } from './wait.js'

/** How long a test waits for what must happen at once, in milliseconds. */
export const SOON_MS = 5_000

/** What makes places. */
type Engine = Pick<Subject, 'place' | 'ago'> & { usedPlace?(): Promise<Place> }

/** A channel in a place of its own, and more of them in the same place. */
export class World implements AsyncDisposable {
  readonly place: Place
  readonly channel: EventChannel
  readonly #options: ChannelOptions
  readonly #others: EventChannel[] = []
  readonly #database: Engine

  private constructor(database: Engine, place: Place, channel: EventChannel, options: ChannelOptions) {
    this.#database = database
    this.place = place
    this.channel = channel
    this.#options = options
  }

  /** Opens a queue, unless the options say otherwise. */
  static async open(database: Engine, options: ChannelOptions = {}): Promise<World> {
    // Those that come without tables are for tests of how tables are made.
    const place = await (options.autoMigrate === false
      ? database.place()
      : (database.usedPlace?.() ?? database.place()))
    const complete = { backend: 'queue', logger: silent, ...place.options, ...options } as const
    try {
      return new World(database, place, await EventChannel.open(place.target ?? place.url, complete), complete)
    } catch (error) {
      await place[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Ends every lease, as if their holders had stood still for too long. */
  async endLeases(): Promise<void> {
    await this.place.sql(`update ${this.place.table('queue')} set lease_expires_at = ${this.#database.ago(1)}`)
  }

  /** Another channel object in the same place, as another process would have; perhaps by another way. */
  async another(options: ChannelOptions = {}, url = this.place.url): Promise<EventChannel> {
    const channel = await EventChannel.open(this.place.target ?? url, { ...this.#options, ...options })
    this.#others.push(channel)
    return channel
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.channel, ...this.#others].map((channel) => channel.close({ drainMs: 0 })))
    await this.place[Symbol.asyncDispose]()
  }
}

/** Takes events one by one from a subscription that stays open. */
export class Taker {
  readonly subscription: Subscription
  readonly #iterator: AsyncIterator<EventMessage, undefined>

  constructor(channel: EventChannel, channels: string | readonly string[], options?: SubscribeOptions) {
    this.subscription = channel.subscribe(channels, options)
    this.#iterator = this.subscription[Symbol.asyncIterator]()
  }

  async take(ms = SOON_MS): Promise<EventMessage> {
    const { done, value } = await within(ms, this.#iterator.next(), 'an event')
    if (done) throw new Error('the subscription ended')
    return value
  }

  async takeMany(count: number): Promise<EventMessage[]> {
    const events: EventMessage[] = []
    while (events.length < count) events.push(await this.take())
    return events
  }

  /** Leaves the loop. */
  async leave(): Promise<void> {
    await this.#iterator.return?.()
  }
}
