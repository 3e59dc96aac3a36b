import { ConfigurationError, ConnectionError, describe, UnsupportedError } from '../common/errors.js'
import type { Telemetry } from '../common/telemetry.js'
import { atMost, handled, inTime } from '../common/wait.js'
import type { Backend } from '../engine.js'
import type { EventId, EventMessage } from '../event.js'
import { resolveChannels } from '../options/names.js'
import type { ListenOptions, StopOptions, SubscribeOptions } from '../options/options.js'
import {
  type ResolvedChannelOptions,
  type ResolvedSubscribeOptions,
  resolveListenOptions,
  resolveSubscribeOptions,
} from '../options/resolve.js'
import type { Capacity } from './demand.js'
import { type Handler, Listener } from './listener.js'
import type { Message } from './message.js'
import { Subscription } from './subscription.js'
import { type Held, Unsettled } from './unsettled.js'

interface ConsumersParts {
  readonly backend: Backend
  readonly telemetry: Telemetry
  readonly options: ResolvedChannelOptions
  /** Throws once no consumer may begin. */
  assertOpen(): void
  /** Throws once nothing can be settled any more. */
  assertNotClosed(): void
}

/** Longest that a publish waits for the subscriptions of its channel, in milliseconds. */
const LIVE_MS = 30_000

/** Everybody who takes events from one channel object, and what they have in hand. */
export class Consumers {
  readonly #parts: ConsumersParts
  readonly #unsettled = new Unsettled()
  readonly #subscriptions = new Set<Subscription>()
  readonly #listeners = new Map<string, Listener>()
  /** Listeners that could not go on, and why, until their owners stop them. */
  readonly #failed = new Map<Listener, string>()
  readonly #becomingLive = new Map<Promise<unknown>, readonly string[]>()
  #stopping = false
  #closing: Promise<unknown> | undefined

  constructor(parts: ConsumersParts) {
    this.#parts = parts
    parts.telemetry.gauge('events.in_hand', () => this.#unsettled.size)
    parts.telemetry.gauge('events.buffered', () =>
      [...this.#subscriptions].reduce((total, { buffered }) => total + buffered, 0),
    )
    parts.telemetry.gauge('events.subscriptions', () => this.#subscriptions.size)
    parts.telemetry.gauge('events.listeners', () => this.#listeners.size)
  }

  /**
   * Resolves once every subscription to these channels that was made so far is live, or has ended; `undefined` where all
   * are, so that a publish costs no promise more.
   * @throws {ConnectionError} when that takes too long
   */
  live(channels: string | ReadonlySet<string>): Promise<unknown> | undefined {
    if (this.#becomingLive.size === 0) return undefined
    const isWanted = (channel: string) => (typeof channels === 'string' ? channel === channels : channels.has(channel))
    const wanted = [...this.#becomingLive].flatMap(([live, followed]) => (followed.some(isWanted) ? [live] : []))
    return wanted.length === 0 ? undefined : inTime(LIVE_MS, Promise.allSettled(wanted), notLive)
  }

  /** @throws {ConfigurationError} {UnsupportedError} */
  subscribe(channels: string | readonly string[], options: SubscribeOptions | undefined): Subscription {
    this.#parts.assertOpen()
    const resolved = resolveSubscribeOptions(this.#parts.options, options)
    return this.#subscribe(resolveChannels(channels), resolved)
  }

  #subscribe(channels: readonly string[], options: ResolvedSubscribeOptions, capacity?: Capacity): Subscription {
    const { backend, telemetry, options: defaults, assertNotClosed } = this.#parts
    refusePositions(backend, options)
    const { logger, schemas } = defaults
    const held = this.#unsettled.open()
    const subscription: Subscription = new Subscription(
      {
        telemetry,
        logger,
        schemas,
        assertOpen: assertNotClosed,
        onHandedOut: (message) => held.add(message),
        onSettled: (message) => held.remove(message),
        // While the channel drains, it waits for what is in hand, and gives back the rest.
        onLeft: (others) => this.#stopping || held.leave(others),
        onStopped: () => this.#forget(subscription, held),
      },
      options,
      () => backend.subscribe(channels, options),
      capacity,
    )
    this.#subscriptions.add(subscription)
    const live = subscription.ready.finally(() => this.#becomingLive.delete(live))
    this.#becomingLive.set(handled(live), channels)
    return subscription
  }

  /** @throws {ConfigurationError} {UnsupportedError} */
  listen(given: string | readonly string[], handler: Handler, givenOptions: ListenOptions | undefined): Listener {
    const { telemetry, options: defaults, assertOpen } = this.#parts
    assertOpen()
    if (typeof handler !== 'function') throw new ConfigurationError('listen: the handler is not a function')
    const options = resolveListenOptions(defaults, givenOptions)
    const channels = resolveChannels(given)
    const listener = new Listener(
      {
        telemetry,
        logger: defaults.logger,
        // The listener acks when a handler returns, which is later than asking for the next event.
        subscribe: (capacity) => this.#subscribe(channels, { ...options, autoAck: false }, capacity),
        onStopped: ({ id }) => this.#listeners.delete(id),
        onFailed: (failed, error) => {
          this.#failed.set(failed, `the listener of ${channels.join(', ')} cannot go on: ${describe(error)}`)
        },
        onStop: (stopped) => this.#failed.delete(stopped),
      },
      handler,
      options,
    )
    this.#listeners.set(listener.id, listener)
    return listener
  }

  async stopListener(id: string, options: StopOptions | undefined): Promise<boolean> {
    const listener = this.#listeners.get(id) ?? [...this.#failed.keys()].find((failed) => failed.id === id)
    await listener?.stop(options)
    return listener !== undefined
  }

  /** Why a listener could not go on, of the first that its owner has not stopped since. */
  get failure(): string | undefined {
    const [failure] = this.#failed.values()
    return failure
  }

  /** The message that a caller means, in this object's hands. */
  find(event: EventMessage | EventId): Message {
    this.#parts.assertNotClosed()
    return this.#unsettled.find(event)
  }

  /**
   * Hands out nothing more; resolves when everything in hand is settled and every handler has returned.
   * @param drainMs the longest that this takes, in milliseconds
   */
  async drain(drainMs: number): Promise<void> {
    this.#stopping = true
    const ending = [...this.#listeners.values()].map((listener) => listener.end())
    this.#closing = Promise.allSettled([...this.#subscriptions].map((subscription) => subscription.close()))
    await atMost(drainMs, Promise.allSettled([...ending, this.#closing, this.#unsettled.drained()]))
  }

  /** Gives back what is still in hand, and what was fetched; from now on nothing more can be settled. */
  async letGo(): Promise<void> {
    await Promise.all([this.#unsettled.releaseAll(), this.#closing])
  }

  #forget(subscription: Subscription, held: Held): void {
    this.#subscriptions.delete(subscription)
    // A consumer that left its loop is not waited for; one whose loop we ended may be busy with its last event.
    if (!this.#stopping) this.#unsettled.abandon(held)
  }
}

function notLive(): ConnectionError {
  return new ConnectionError(
    `nothing was published: a subscription of this channel object did not become live within ${LIVE_MS} ms: check the database, or publish through a channel object of its own`,
  )
}

function refusePositions({ name, can }: Backend, { positioning }: ResolvedSubscribeOptions): void {
  if (can.has('position') || positioning.length === 0) return
  throw new UnsupportedError(
    `subscribe: ${positioning.join(', ')} cannot be honoured by backend '${name}', which has no positions: open with backend: 'log'`,
  )
}
