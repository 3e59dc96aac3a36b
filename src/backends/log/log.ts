import type { EventId, NewEvent } from '../../event.js'
import type { ResolvedSubscribeOptions } from '../../resolve.js'
import { atMost } from '../../wait.js'
import type { Backend, BackendContext, ChannelStats, Inbox } from '../backend.js'
import { DeadLetterTable } from '../dead-letter-table.js'
import { Publisher } from '../publisher.js'
import type { Purge } from '../purge.js'
import { WakeUps } from '../wake-ups.js'
import { LogGroups, resolvePlace } from './groups.js'
import { LogInbox } from './inbox.js'
import { LogHead } from './log-head.js'
import { Member } from './member.js'
import { purgeLog } from './purge.js'
import { countLog } from './stats.js'
import { LogStorage } from './storage.js'
import { Tail } from './tail.js'

/** Longest that closing waits for a group to be given up, in milliseconds. */
const STEP_DOWN_MS = 2_000

/**
 * Every subscriber gets each event, from its place on; a named group remembers its place.
 *
 *     publish → log_incoming ─ advance → log ─ read → (in hand) ─ ack → checkpoint
 *          └─ many at once (Postgres) ───┘ │                └─ nack, in place … on the last attempt → dead_letter
 *                                       purge → gone
 *
 * Publishing runs through `Publisher` into the `LogStorage`. The `Tail` knows how far the log reaches, and gives positions
 * to what has been committed; a `Reader` follows it from a place on, for a `LogInbox` or for the active `Member` of a group.
 */
export class LogBackend implements Backend {
  readonly name = 'log'
  readonly schedules = false
  readonly hasPositions = true
  readonly groups: LogGroups
  readonly deadLetters: DeadLetterTable
  readonly publishSync: Backend['publishSync']
  readonly #context: BackendContext
  readonly #tail: Tail
  readonly #wakeUps: WakeUps
  readonly #publisher: Publisher
  readonly #purge: Purge
  readonly #members = new Set<Member>()

  private constructor(context: BackendContext, head: LogHead) {
    this.#context = context
    this.#tail = new Tail(context, head)
    this.#wakeUps = new WakeUps(context, 'log', this.#tail.sleeper)
    this.#publisher = new Publisher(context, this.#wakeUps, new LogStorage(context, head))
    this.#purge = purgeLog(context, this.#tail)
    this.groups = new LogGroups(context, this.#tail)
    this.deadLetters = new DeadLetterTable(context, this.#wakeUps, 'log')
    this.publishSync = context.adapter.sync && ((events, tx) => this.#publisher.publishSync(events, tx))
  }

  /** On tables that are in order. */
  static async open(context: BackendContext): Promise<LogBackend> {
    const head = new LogHead(context)
    await head.restore()
    return new LogBackend(context, head)
  }

  publish(events: readonly NewEvent[], tx: unknown): Promise<readonly EventId[]> {
    return tx === undefined ? this.#publisher.publish(events) : this.#publisher.publishIn(tx, events)
  }

  async subscribe(channels: readonly string[], options: ResolvedSubscribeOptions): Promise<Inbox> {
    await this.#wakeUps.follow(channels)
    try {
      return await this.#open(channels, options)
    } catch (error) {
      this.#wakeUps.leave(channels)
      throw error
    }
  }

  async stats(channel: string | undefined): Promise<readonly ChannelStats[]> {
    // First: it gives positions to what has none yet.
    const groups = await this.groups.list({ channel })
    return countLog(this.#context.adapter, channel, groups)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await atMost(STEP_DOWN_MS, Promise.all([...this.#members].map(({ gone }) => gone)))
    await Promise.all([this.#tail[Symbol.asyncDispose](), this.#purge[Symbol.asyncDispose]()])
    await this.#wakeUps[Symbol.asyncDispose]()
  }

  async #open(channels: readonly string[], options: ResolvedSubscribeOptions): Promise<Inbox> {
    const position = await resolvePlace(this.#tail, options.from)
    if (options.group !== undefined) return this.#join(options.group, channels, position, options)
    const places = new Map(channels.map((channel) => [channel, position]))
    const parts = { tail: this.#tail, onDispose: () => this.#wakeUps.leave(channels) }
    return new LogInbox(this.#context, parts, places, options)
  }

  async #join(
    group: string,
    channels: readonly string[],
    position: number,
    options: ResolvedSubscribeOptions,
  ): Promise<Member> {
    const enroll = () => {
      const place = Math.min(position, this.#tail.resumption?.position ?? position)
      return this.#context.adapter.run('enroll', { channels, consumer_group: group, position: place })
    }
    await enroll()
    const parts = {
      enroll,
      tail: this.#tail,
      topics: this.#wakeUps.topicsOf(channels),
      onStepDown: () => this.#tail.sleeper.look(),
    }
    const member = new Member(this.#context, parts, channels, group, options)
    this.#members.add(member)
    void member.gone.then(() => {
      this.#members.delete(member)
      this.#wakeUps.leave(channels)
    })
    return member
  }
}
