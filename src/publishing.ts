import type { Backend } from './backends/backend.js'
import { type DatabaseClock, EventIds } from './clock.js'
import { type Composed, compose, composeSync } from './compose.js'
import { ConfigurationError, describe, PayloadError, UnsupportedError } from './errors.js'
import type { EventId } from './event.js'
import type { PublishOptions } from './options.js'
import { type ResolvedChannelOptions, resolvePublishManyOptions } from './resolve.js'
import type { Telemetry } from './telemetry.js'

interface PublishingParts {
  readonly backend: Backend
  readonly clock: DatabaseClock
  readonly telemetry: Telemetry
  readonly options: ResolvedChannelOptions
}

/** The way of an event from its caller into the backend: composed, stored, counted. */
export class Publishing {
  readonly #parts: PublishingParts
  readonly #ids: EventIds

  constructor(parts: PublishingParts) {
    this.#parts = parts
    this.#ids = new EventIds(parts.clock)
  }

  async publish(channel: string, payload: unknown, options?: PublishOptions): Promise<EventId> {
    try {
      const composing = compose(this.#parts.options, this.#ids, channel, payload, options)
      // A promise only where a schema needs time; without, events keep the order of their calls.
      const composed = composing instanceof Promise ? await composing : composing
      const [id = composed.event.id] = await this.#store([composed], composed.options.tx)
      return id
    } catch (error) {
      this.#drop(error, 1, options?.tx)
      return this.#ids.next()
    }
  }

  async publishMany(events: unknown, options: unknown): Promise<EventId[]> {
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
      return [...(await this.#store(composed, tx))]
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
      this.#drop(error, 1, options?.tx)
      return this.#ids.next()
    }
  }

  #composeOne(event: unknown): Composed | Promise<Composed> {
    if (typeof event !== 'object' || event === null) {
      throw new ConfigurationError('publishMany: each event is an object { channel, payload, …options }')
    }
    const { channel, payload, ...options } = event as Record<string, unknown>
    if ('tx' in options) throw new ConfigurationError('publishMany: tx goes beside the events, not into one')
    return compose(this.#parts.options, this.#ids, channel, payload, options)
  }

  async #store(composed: readonly Composed[], tx: unknown): Promise<readonly EventId[]> {
    if (composed.length === 0) return []
    for (const { options } of composed) this.#refuse(options.scheduling)
    const events = composed.map(({ event }) => event)
    const ids = await this.#parts.backend.publish(events, tx)
    for (const { channel } of events) this.#parts.telemetry.count('events.publish', 1, channel)
    return ids
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
}
