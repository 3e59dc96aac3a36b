import type { DatabaseClock } from '../common/clock.js'
import { Coalescer, type Patience } from '../common/coalescer.js'
import { ConfigurationError, describe, PayloadError, UnsupportedError } from '../common/errors.js'
import type { Telemetry } from '../common/telemetry.js'
import { inTurn } from '../common/turns.js'
import { Background, detach } from '../common/wait.js'
import type { Backend, Capability } from '../engine.js'
import type { Draft, EventId, NewEvent } from '../event.js'
import type { PublishOptions } from '../options/options.js'
import { type ResolvedChannelOptions, resolvePublishManyOptions, type SchedulingOption } from '../options/resolve.js'
import { EventIds } from './event-ids.js'
import { Line } from './line.js'
import { type Prepared, prepare, prepareSync } from './prepare.js'

interface PublishingParts {
  readonly backend: Backend
  readonly clock: DatabaseClock
  readonly telemetry: Telemetry
  readonly options: ResolvedChannelOptions
  /** Resolves once the subscriptions of this object to these channels are live; `undefined` where they are. */
  live(channels: string | ReadonlySet<string>): Promise<unknown> | undefined
  /** Why nothing may be published any more. */
  refusal(): Error | undefined
}

/** What a backend must be able to do for an option. */
const NEEDED: Readonly<Record<SchedulingOption, Capability>> = {
  delayMs: 'delay',
  availableAt: 'delay',
  priority: 'priority',
  key: 'dedupeKey',
  maxAttempts: 'maxAttempts',
}

/** Most calls with a key in one flush. */
const KEYED_LIMIT = 1_000
/** A transaction of a user's that took the same key keeps a flush waiting; the calls after it go on beside it. */
const KEYED_PATIENCE: Patience = { lateMs: 100, flights: 4 }

/**
 * The way of an event from its caller into the backend: prepared, stored with those that coincide, counted. Calls on one
 * channel are stored in their order. Those with a key are not part of that, since they may have to wait for the
 * transaction of another that took their key; nor those in a transaction of the caller's, which has an order of its own.
 */
export class Publishing {
  readonly #parts: PublishingParts
  readonly #ids: EventIds
  readonly #line: Line
  readonly #keyed: Coalescer<readonly Draft[], readonly EventId[]>
  /** What is on its way and not in the line. */
  readonly #others = new Background()

  constructor(parts: PublishingParts) {
    this.#parts = parts
    this.#ids = new EventIds(parts.clock)
    this.#line = new Line((events) => this.#store(events, undefined))
    this.#keyed = new Coalescer(
      () => KEYED_LIMIT,
      (calls) => this.#storeCalls(calls),
      KEYED_PATIENCE,
    )
  }

  /** Not an asynchronous function: it is called by the million, and each wait in one costs as much as making the id. */
  publish(channel: string, payload: unknown, options?: PublishOptions): Promise<EventId> {
    const refusal = this.#parts.refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    const storing = this.#publishOne(channel, payload, options)
    if (!this.#parts.options.bestEffort) return storing
    return storing.catch((error: unknown) => this.#dropOne(error, options?.tx))
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    await Promise.all([this.#line.idle(), this.#keyed.idle(), this.#others.drained()])
  }

  /** What has not been sent yet is rejected. */
  abandon(error: unknown): void {
    this.#line.abandon(error)
    this.#keyed.abandon(error)
  }

  async publishMany(events: unknown, options: unknown): Promise<EventId[]> {
    const refusal = this.#parts.refusal()
    if (refusal !== undefined) throw refusal
    const { tx } = resolvePublishManyOptions(options)
    if (!Array.isArray(events)) {
      throw new ConfigurationError(`publishMany: pass an array of { channel, payload }, not ${typeof events}`)
    }
    try {
      const prepared = events.map((event) => this.#prepareOne(event))
      for (const { options } of prepared) this.#refuse(options.scheduling)
      const made = prepared.map(({ event }) => event)
      const live = this.#parts.live(new Set(made.map(({ channel }) => channel)))
      const waits = [live, ...prepared.map(({ valid }) => valid)].filter((wait) => wait !== undefined)
      return [...(await this.#storeMany(made, tx, waits.length === 0 ? undefined : Promise.all(waits)))]
    } catch (error) {
      this.#drop(error, events.length, tx)
      return events.map(() => this.#ids.next())
    }
  }

  publishSync(channel: string, payload: unknown, options?: PublishOptions): EventId {
    const refusal = this.#parts.refusal()
    if (refusal !== undefined) throw refusal
    const { backend, telemetry } = this.#parts
    if (backend.publishSync === undefined) {
      throw new UnsupportedError('publishSync needs SQLite and a durable backend: await publish instead')
    }
    try {
      const { event, options: resolved } = prepareSync(this.#parts.options, channel, payload, options)
      const startedMs = performance.now()
      const ids = backend.publishSync(this.#withIds([event]), resolved.tx)
      telemetry.published([event], ids, startedMs)
      return ids[0] as EventId
    } catch (error) {
      return this.#dropOne(error, options?.tx)
    }
  }

  #publishOne(channel: string, payload: unknown, options: PublishOptions | undefined): Promise<EventId> {
    try {
      const { event, options: resolved, valid } = prepare(this.#parts.options, channel, payload, options)
      this.#refuse(resolved.scheduling)
      const live = this.#parts.live(channel)
      const ready = valid === undefined || live === undefined ? (valid ?? live) : Promise.all([live, valid])
      if (resolved.tx === undefined && event.key === null) return this.#line.add(event, ready)
      return this.#storeMany([event], resolved.tx, ready).then(([id]) => id as EventId)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #storeMany(events: readonly Draft[], tx: unknown, ready: Promise<unknown> | undefined): Promise<readonly EventId[]> {
    if (events.length === 0) return Promise.resolve([])
    if (tx !== undefined) return this.#storeIn(tx, events, ready)
    if (events.every(({ key }) => key === null)) return this.#line.addMany(events, ready)
    if (ready === undefined) return this.#keyed.add(events)
    return this.#track(ready.then(() => this.#keyed.add(events)))
  }

  #storeIn(tx: unknown, events: readonly Draft[], ready: Promise<unknown> | undefined): Promise<readonly EventId[]> {
    if (ready !== undefined) detach(ready)
    const store = () => this.#store(events, tx)
    return this.#track(inTurn(tx, () => (ready === undefined ? store() : ready.then(store))))
  }

  async #storeCalls(calls: readonly (readonly Draft[])[]): Promise<readonly (readonly EventId[])[]> {
    const ids = await this.#store(calls.flat(), undefined)
    let from = 0
    return calls.map(({ length }) => {
      from += length
      return ids.slice(from - length, from)
    })
  }

  #prepareOne(event: unknown): Prepared {
    if (typeof event !== 'object' || event === null) {
      throw new ConfigurationError('publishMany: each event is an object { channel, payload, …options }')
    }
    const { channel, payload, ...options } = event as Record<string, unknown>
    if ('tx' in options) throw new ConfigurationError('publishMany: tx goes beside the events, not into one')
    return prepare(this.#parts.options, channel, payload, options)
  }

  async #store(events: readonly Draft[], tx: unknown): Promise<readonly EventId[]> {
    const startedMs = performance.now()
    const ids = await this.#parts.backend.publish(this.#withIds(events), tx)
    this.#parts.telemetry.published(events, ids, startedMs)
    return ids
  }

  /** In the order of leaving. What was refused and goes again gets new ones: nothing of it was stored. */
  #withIds(events: readonly Draft[]): readonly NewEvent[] {
    for (const event of events) event.id = this.#ids.next()
    return events as readonly NewEvent[]
  }

  #track<Result>(publishing: Promise<Result>): Promise<Result> {
    this.#others.begin()
    return publishing.finally(() => this.#others.end())
  }

  #refuse(scheduling: readonly SchedulingOption[]): void {
    if (scheduling.length === 0) return
    const { name, can } = this.#parts.backend
    const refused = scheduling.filter((option) => !can.has(NEEDED[option]))
    if (refused.length === 0) return
    throw new UnsupportedError(
      `publish: ${refused.join(', ')} cannot be honoured by backend '${name}'${name === 'queue' ? ' of this engine' : ", which delivers at once and to all: open with backend: 'queue'"}`,
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
    this.#parts.telemetry.dropped(count)
    this.#parts.options.logger.warn('events were not published', { count, error: describe(error) })
  }

  #dropOne(error: unknown, tx: unknown): EventId {
    this.#drop(error, 1, tx)
    return this.#ids.next()
  }
}
