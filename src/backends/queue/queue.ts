import { portionOf } from '../../adapters/adapter.js'
import type { EventId, NewEvent } from '../../event.js'
import type { ResolvedSubscribeOptions } from '../../resolve.js'
import type { Backend, BackendContext, ChannelStats, Inbox } from '../backend.js'
import { DeadLetterTable } from '../dead-letter-table.js'
import { Poller } from '../poller.js'
import { checkPoolSize } from '../pool.js'
import { Publisher } from '../publisher.js'
import { Purge } from '../purge.js'
import { Retention } from '../retention.js'
import { WakeUps } from '../wake-ups.js'
import { findDue, pollReady, probeReady } from './due.js'
import { Exchange } from './exchange.js'
import { QueueInbox } from './inbox.js'
import { Leases } from './leases.js'
import { Settler } from './settler.js'
import { countQueue } from './stats.js'
import { QueueStorage } from './storage.js'

/** For how long closing lets what is being settled try again, in milliseconds. */
const SETTLE_MS = 2_000

/**
 * One consumer gets each event, at least once, until it acks. An event changes table as its life changes:
 *
 *     publish → queue ─ claim → (leased) ─ ack ──→ history ─ purge → gone
 *       │         ↑                │
 *       │         ├── release ─────┤
 *     scheduled ──┘←── nack ───────┤
 *                                  └─ nack on the last attempt → dead_letter
 *
 * Publishing runs through `Publisher`; a consumer's side is a `QueueInbox`, which claims and acks through the `Exchange`
 * of each channel and gives back through the `Settler`. `WakeUps` and `Poller` say when claiming is worth it, `Leases`
 * keeps alive what is in hand.
 */
export class QueueBackend implements Backend {
  readonly name = 'queue'
  readonly schedules = true
  readonly hasPositions = false
  readonly deadLetters: DeadLetterTable
  readonly #context: BackendContext
  readonly #poller: Poller
  readonly #wakeUps: WakeUps
  readonly #publisher: Publisher
  readonly #leases: Leases
  readonly #settler: Settler
  readonly #purge: Purge | undefined
  readonly #exchanges = new Map<string, Exchange>()
  readonly #closing = new AbortController()
  readonly publishSync: Backend['publishSync']

  /** @throws {ConfigurationError} when the pool is too small */
  constructor(context: BackendContext) {
    checkPoolSize(context.adapter, 2, 'one to consume, one to publish and to keep leases meanwhile')
    this.#context = context
    this.#poller = new Poller(context, {
      look: (channels) => findDue(context, channels),
      probe: probeReady,
      poll: pollReady,
    })
    this.#wakeUps = new WakeUps(context, 'queue', this.#poller)
    this.#publisher = new Publisher(context, this.#wakeUps, new QueueStorage(context))
    this.#leases = new Leases(context)
    const exchange = (channel: string) => this.#exchange(channel)
    const closing = this.#closing.signal
    this.#settler = new Settler(context, { leases: this.#leases, wakeUps: this.#wakeUps, closing, exchange })
    this.#purge = context.options.retentionMs > 0 ? purgeHistory(context) : undefined
    this.deadLetters = new DeadLetterTable(context, this.#wakeUps, 'queue')
    this.publishSync = context.adapter.sync && ((events, tx) => this.#publisher.publishSync(events, tx))
    context.telemetry.gauge('events.leased', () => this.#leases.size)
  }

  publish(events: readonly NewEvent[], tx: unknown): Promise<readonly EventId[]> {
    return tx === undefined ? this.#publisher.publish(events) : this.#publisher.publishIn(tx, events)
  }

  async subscribe(channels: readonly string[], options: ResolvedSubscribeOptions): Promise<Inbox> {
    await this.#wakeUps.follow(channels)
    const onDispose = () => this.#wakeUps.leave(channels)
    const parts = { poller: this.#poller, leases: this.#leases, settler: this.#settler, onDispose }
    return new QueueInbox({ ...parts, exchange: (channel) => this.#exchange(channel) }, channels, options)
  }

  async stats(channel: string | undefined): Promise<readonly ChannelStats[]> {
    return countQueue(this.#context.adapter, channel)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settled()
    await Promise.all([
      this.#leases[Symbol.asyncDispose](),
      this.#poller[Symbol.asyncDispose](),
      this.#purge?.[Symbol.asyncDispose](),
    ])
    await this.#wakeUps[Symbol.asyncDispose]()
  }

  /** What is being settled may try again for a moment. */
  async #settled(): Promise<void> {
    const enough = setTimeout(() => this.#closing.abort(), SETTLE_MS)
    await this.#settler.idle()
    await Promise.all([...this.#exchanges.values()].map((exchange) => exchange.idle()))
    clearTimeout(enough)
  }

  #exchange(channel: string): Exchange {
    let exchange = this.#exchanges.get(channel)
    if (exchange === undefined) {
      exchange = new Exchange(this.#context, channel, {
        sleeper: this.#poller,
        leases: this.#leases,
        closing: this.#closing.signal,
      })
      this.#exchanges.set(channel, exchange)
    }
    return exchange
  }
}

function purgeHistory(context: BackendContext): Purge {
  const { adapter, options } = context
  const retention = new Retention(context, 'history', options.retentionMs)
  return new Purge(options.logger, retention.askedMs, async (most) => {
    const { retentionMs } = await retention.agreed()
    const limit = portionOf(adapter, 'purge', most)
    return (await adapter.run('purge', { retention_ms: retentionMs, limit })).length
  })
}
