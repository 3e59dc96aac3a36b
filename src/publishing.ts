import type { Backend } from './backends/backend.js'
import { type DatabaseClock, EventIds } from './clock.js'
import { Coalescer } from './coalescer.js'
import { type Composed, compose, composeSync } from './compose.js'
import { ConfigurationError, describe, PayloadError, UnsupportedError } from './errors.js'
import type { EventId, NewEvent } from './event.js'
import type { PublishOptions } from './options.js'
import { type ResolvedChannelOptions, resolvePublishManyOptions } from './resolve.js'
import type { Telemetry } from './telemetry.js'
import { atMost, Background } from './wait.js'

interface PublishingParts {
  readonly backend: Backend
  readonly clock: DatabaseClock
  readonly telemetry: Telemetry
  readonly options: ResolvedChannelOptions
}

/** Most lone events in one flush. */
const FLUSH_LIMIT = 1_000
/** Longest that closing waits for what is not a round trip, in milliseconds. */
const IDLE_MS = 30_000

/** The way of an event from its caller into the backend: composed, stored with those that coincide, counted. */
export class Publishing {
  readonly #parts: PublishingParts
  readonly #ids: EventIds
  readonly #lone: Coalescer<NewEvent, EventId>
  /** What is on its way and not among the lone ones: many at once, or what has to wait for something else. */
  readonly #others = new Background()

  constructor(parts: PublishingParts) {
    this.#parts = parts
    this.#ids = new EventIds(parts.clock)
    this.#lone = new Coalescer(FLUSH_LIMIT, (events) => this.#store(events, undefined))
  }

  /** Not an asynchronous function: it is called by the million, and each wait in one costs as much as making the id. */
  publish(channel: string, payload: unknown, options?: PublishOptions): Promise<EventId> {
    const storing = this.#publishOne(channel, payload, options)
    if (!this.#parts.options.bestEffort) return storing
    return storing.catch((error: unknown) => this.#dropOne(error, options?.tx))
  }

  /** Publishes once something else has come about. */
  after<Result>(event: Promise<unknown>, publish: () => Promise<Result>): Promise<Result> {
    return this.#hold(event.then(publish))
  }

  /** Resolves when nothing is on its way; does not wait for ever for what may never come, a caller's schema for one. */
  async idle(): Promise<void> {
    await Promise.all([this.#lone.idle(), atMost(IDLE_MS, this.#others.drained())])
  }

  publishMany(events: unknown, options: unknown): Promise<EventId[]> {
    return this.#hold(this.#publishMany(events, options))
  }

  async #publishMany(events: unknown, options: unknown): Promise<EventId[]> {
    const { tx } = resolvePublishManyOptions(options)
    if (!Array.isArray(events)) {
      throw new ConfigurationError(`publishMany: pass an array of { channel, payload }, not ${typeof events}`)
    }
    try {
      const composed: Composed[] = []
      for (const event of events) {
        const composing = this.#composeOne(event)
        composed.push(composing instanceof Promise ? await composing : composing)
      }
      for (const { options } of composed) this.#refuse(options.scheduling)
      const ids = await this.#store(
        composed.map(({ event }) => event),
        tx,
      )
      return [...ids]
    } catch (error) {
      this.#drop(error, events.length, tx)
      return events.map(() => this.#ids.next())
    }
  }

  publishSync(channel: string, payload: unknown, options?: PublishOptions): EventId {
    const { backend, telemetry } = this.#parts
    if (backend.publishSync === undefined) {
      throw new UnsupportedError('publishSync needs SQLite and a durable backend: await publish instead')
    }
    try {
      const { event, options: resolved } = composeSync(this.#parts.options, this.#ids, channel, payload, options)
      const [id = event.id] = backend.publishSync([event], resolved.tx)
      telemetry.count('events.publish', 1, channel)
      return id
    } catch (error) {
      return this.#dropOne(error, options?.tx)
    }
  }

  #publishOne(channel: string, payload: unknown, options: PublishOptions | undefined): Promise<EventId> {
    try {
      const composing = compose(this.#parts.options, this.#ids, channel, payload, options)
      // A promise only where a schema needs time; without, events keep the order of their calls.
      return composing instanceof Promise
        ? this.#hold(composing.then((composed) => this.#storeOne(composed)))
        : this.#storeOne(composing)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #storeOne({ event, options: { scheduling, tx } }: Composed): Promise<EventId> {
    this.#refuse(scheduling)
    if (tx === undefined) return this.#lone.add(event)
    return this.#store([event], tx).then(([id = event.id]) => id)
  }

  #composeOne(event: unknown): Composed | Promise<Composed> {
    if (typeof event !== 'object' || event === null) {
      throw new ConfigurationError('publishMany: each event is an object { channel, payload, …options }')
    }
    const { channel, payload, ...options } = event as Record<string, unknown>
    if ('tx' in options) throw new ConfigurationError('publishMany: tx goes beside the events, not into one')
    return compose(this.#parts.options, this.#ids, channel, payload, options)
  }

  async #store(events: readonly NewEvent[], tx: unknown): Promise<readonly EventId[]> {
    if (events.length === 0) return []
    const ids = await this.#parts.backend.publish(events, tx)
    this.#parts.telemetry.countEach('events.publish', events)
    return ids
  }

  #hold<Result>(publishing: Promise<Result>): Promise<Result> {
    this.#others.begin()
    return publishing.finally(() => this.#others.end())
  }

  #refuse(scheduling: readonly string[]): void {
    const { name, schedules } = this.#parts.backend
    if (schedules || scheduling.length === 0) return
    throw new UnsupportedError(
      `publish: ${scheduling.join(', ')} cannot be honoured by backend '${name}', which delivers at once and to all: open with backend: 'queue'`,
    )
  }

  /**
   * With `bestEffort`, what the caller could not have known better is logged and counted instead of thrown. In a
   * transaction of the caller's it is thrown all the same: a database may have given up the whole transaction.
   */
  #drop(error: unknown, count: number, tx: unknown): void {
    const mistaken = error instanceof ConfigurationError || error instanceof UnsupportedError
    const spoilt = tx !== undefined && !(error instanceof PayloadError)
    if (!this.#parts.options.bestEffort || mistaken || spoilt) throw error
    this.#parts.telemetry.count('events.publish.dropped', count)
    this.#parts.options.logger.warn('events were not published', { count, error: describe(error) })
  }

  #dropOne(error: unknown, tx: unknown): EventId {
    this.#drop(error, 1, tx)
    return this.#ids.next()
  }
}
