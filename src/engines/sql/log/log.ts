import { atMost } from '../../../common/wait.js'
import type { Backend, Capability, Inbox } from '../../../engine.js'
import type { EventId, NewEvent } from '../../../event.js'
import type { ResolvedSubscribeOptions } from '../../../options/resolve.js'
import type { SqlContext } from '../context.js'
import { Publisher } from '../flow/durable-publisher.js'
import { Positions } from '../flow/positions.js'
import type { Purge } from '../flow/purge.js'
import { WakeUps } from '../flow/wake-ups.js'
import { enroll } from '../verbs/group.js'
import { LogInbox } from './inbox.js'
import { Member } from './member.js'
import { enforceRetention } from './purge.js'
import { Sequencer } from './sequencer.js'
import { LogStorage } from './storage.js'

/** Longest that closing waits for a group to be given up, in milliseconds. */
const STEP_DOWN_MS = 2_000

/**
 * Every subscriber gets each event, from its place on; a named group remembers its place.
 *
 *     publish → log_incoming ─ advance → log ─ read → (in hand) ─ ack → checkpoint
 *          └─ many at once (Postgres) ───┘ │                └─ nack, in place … on the last attempt → dead_letter
 *                                       purge → gone
 *
 * Publishing runs through `Publisher` into the `LogStorage`. The `Sequencer` knows how far the log reaches, and gives positions
 * to what has been committed; a `Reader` follows it from a place on, for a `LogInbox` or for the active `Member` of a group.
 */
export class LogBackend implements Backend {
  readonly name = 'log'
  readonly can: ReadonlySet<Capability>
  readonly publishSync: Backend['publishSync']
  readonly #context: SqlContext
  readonly #positions: Positions
  readonly #sequencer: Sequencer
  readonly #wakeUps: WakeUps
  readonly #publisher: Publisher
  readonly #purge: Purge
  readonly #members = new Set<Member>()

  private constructor(context: SqlContext, positions: Positions) {
    this.#context = context
    this.#positions = positions
    this.#sequencer = new Sequencer(context, positions)
    this.#wakeUps = new WakeUps(context, 'log', this.#sequencer.sleeper)
    this.#publisher = new Publisher(context, this.#wakeUps, new LogStorage(context, positions.head))
    this.#purge = enforceRetention(context, positions)
    context.returns.listen((channel) => this.#wakeUps.returned(channel, 0))
    this.can = new Set<Capability>([
      'position',
      'group',
      'transaction',
      ...(context.database.sync ? (['sync'] as const) : []),
    ])
    this.publishSync = context.database.sync && ((events, tx) => this.#publisher.publishSync(events, tx))
  }

  /** On tables that are in order. */
  static async open(context: SqlContext): Promise<LogBackend> {
    const positions = new Positions(context)
    await positions.head.restore()
    return new LogBackend(context, positions)
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

  async [Symbol.asyncDispose](): Promise<void> {
    await atMost(STEP_DOWN_MS, Promise.all([...this.#members].map(({ gone }) => gone)))
    await Promise.all([this.#sequencer[Symbol.asyncDispose](), this.#purge[Symbol.asyncDispose]()])
    await this.#wakeUps[Symbol.asyncDispose]()
  }

  async #open(channels: readonly string[], options: ResolvedSubscribeOptions): Promise<Inbox> {
    const position = await this.#positions.resolve(options.from)
    if (options.group !== undefined) return this.#join(options.group, channels, position, options)
    const places = new Map(channels.map((channel) => [channel, position]))
    const parts = { sequencer: this.#sequencer, onDispose: () => this.#wakeUps.leave(channels) }
    return new LogInbox(this.#context, parts, places, options)
  }

  async #join(
    group: string,
    channels: readonly string[],
    position: number,
    options: ResolvedSubscribeOptions,
  ): Promise<Member> {
    const makeCheckpoints = () => {
      const place = Math.min(position, this.#sequencer.resumption?.position ?? position)
      return this.#context.database.run(enroll(channels, group, place))
    }
    await makeCheckpoints()
    const parts = {
      enroll: makeCheckpoints,
      sequencer: this.#sequencer,
      topics: this.#wakeUps.topicsOf(channels),
      onStepDown: () => this.#sequencer.sleeper.look(),
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
