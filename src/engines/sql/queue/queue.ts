import { atMost } from '../../../common/wait.js'
import type { Backend, Capability, Inbox } from '../../../engine.js'
import type { EventId, NewEvent } from '../../../event.js'
import type { ResolvedSubscribeOptions } from '../../../options/resolve.js'
import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import { Publisher } from '../flow/durable-publisher.js'
import { Poller } from '../flow/poller.js'
import { checkPoolSize } from '../flow/pool-size.js'
import { Purge } from '../flow/purge.js'
import { Retention } from '../flow/retention.js'
import { WakeUps } from '../flow/wake-ups.js'
import { purgeHistory } from '../verbs/settle.js'
import { findDue, pollReady, probeReady } from './due.js'
import { QueueInbox } from './inbox.js'
import { Leases } from './leases.js'
import { QueueChannel } from './queue-channel.js'
import { Settler } from './settler.js'
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
 * Publishing runs through `Publisher`; a consumer's side is a `QueueInbox`, which claims through the `QueueChannel` of each name, and
 * settles through the `Settler`. `WakeUps` and `Poller` say when claiming is worth it, `Leases`
 * keeps alive what is in hand.
 */
export class QueueBackend implements Backend {
  readonly name = 'queue'
  readonly can: ReadonlySet<Capability>
  readonly #context: SqlContext
  readonly #poller: Poller
  readonly #wakeUps: WakeUps
  readonly #publisher: Publisher
  readonly #leases: Leases
  readonly #settler: Settler
  readonly #purge: Purge | undefined
  readonly #channels = new Map<string, QueueChannel>()
  readonly #closing = new AbortController()
  readonly publishSync: Backend['publishSync']

  /** @throws {ConfigurationError} when the pool is too small */
  constructor(context: SqlContext) {
    checkPoolSize(context.database, 2, 'one to consume, one to publish and to keep leases meanwhile')
    this.#context = context
    this.#poller = new Poller(context, {
      look: (channels) => findDue(context, channels),
      probe: probeReady,
      poll: pollReady,
    })
    this.#wakeUps = new WakeUps(context, 'queue', this.#poller)
    this.#publisher = new Publisher(context, this.#wakeUps, new QueueStorage(context))
    this.#leases = new Leases(context)
    const channel = (name: string) => this.#channel(name)
    this.#settler = new Settler(context, { leases: this.#leases, wakeUps: this.#wakeUps, channel })
    this.#purge = context.options.retentionMs > 0 ? enforceRetention(context) : undefined
    context.returns.listen((channel) => this.#wakeUps.returned(channel, 0))
    this.can = new Set<Capability>([
      'delay',
      'priority',
      'dedupeKey',
      'maxAttempts',
      'transaction',
      ...(context.database.sync ? (['sync'] as const) : []),
    ])
    this.publishSync = context.database.sync && ((events, tx) => this.#publisher.publishSync(events, tx))
    context.telemetry.gauge('events.leased', () => this.#leases.size)
  }

  publish(events: readonly NewEvent[], tx: unknown): Promise<readonly EventId[]> {
    return tx === undefined ? this.#publisher.publish(events) : this.#publisher.publishIn(tx, events)
  }

  async subscribe(channels: readonly string[], options: ResolvedSubscribeOptions): Promise<Inbox> {
    await this.#wakeUps.follow(channels)
    const onDispose = () => this.#wakeUps.leave(channels)
    const parts = { poller: this.#poller, leases: this.#leases, settler: this.#settler, onDispose }
    return new QueueInbox({ ...parts, channel: (name) => this.#channel(name) }, channels, options)
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
    const settled = this.#settler
      .idle()
      .then(() => Promise.all([...this.#channels.values()].map((channel) => channel.idle())))
    await atMost(SETTLE_MS, settled)
    this.#closing.abort()
    await settled
  }

  #channel(name: string): QueueChannel {
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      const parts = { sleeper: this.#poller, leases: this.#leases, closing: this.#closing.signal }
      channel = new QueueChannel(this.#context, name, parts)
      this.#channels.set(name, channel)
    }
    return channel
  }
}

function enforceRetention(context: SqlContext): Purge {
  const { database, options } = context
  const retention = new Retention(context, 'history', options.retentionMs)
  return new Purge(options.logger, retention.askedMs, async (most) => {
    const { retentionMs } = await retention.agreed()
    const limit = portionOf(database, purgeHistory, most)
    return database.run(purgeHistory(retentionMs, limit))
  })
}
