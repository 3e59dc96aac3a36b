import type { Backend, Capability, Inbox } from '../../../engine.js'
import type { EventId, NewEvent } from '../../../event.js'
import type { ResolvedSubscribeOptions } from '../../../options/resolve.js'
import type { SqlContext } from '../context.js'
import { Purge } from '../flow/purge.js'
import { Retention } from '../flow/retention.js'
import { retryOnBreak } from '../flow/retry.js'
import { topicsOf } from '../flow/topics.js'
import { checkSchema, migrate } from '../migrate.js'
import { ask, type Question, type Work } from '../unit-of-work.js'
import { purgeSpill, spill } from '../verbs/notify.js'
import { type Address, addressOf, encodeEnvelope } from './envelope.js'
import { NotifyInbox } from './inbox.js'
import { Notifications } from './notifications.js'
import { NotifyChannels } from './notify-channels.js'

/** How often a notification is tried over connections that break. */
const ATTEMPTS = 6
/** Spilled payloads are kept at least this long, in milliseconds: subscribers need the time to read them. */
const MIN_SPILL_RETENTION_MS = 60_000

/**
 * Every live subscriber gets each event; nothing is stored, and who is not there misses it. Postgres NOTIFY carries an
 * envelope; what is too large for one waits in the spill table, and the envelope says so.
 *
 * Publishing needs NOTIFY alone, which passes every pooler; LISTEN is for subscribers, and does not. So whether LISTEN works
 * is asked by the first subscription, which is refused where it does not: all who publish do it in the same way, and all
 * who subscribe hear all of them.
 */
export class NotifyBackend implements Backend {
  readonly name = 'notify'
  readonly can: ReadonlySet<Capability> = new Set<Capability>(['transaction'])
  readonly #context: SqlContext
  readonly #topics: NotifyChannels
  readonly #topicOf: (channel: string) => string
  #spillReady: Promise<Purge> | undefined

  /** @throws {UnsupportedError} when the database cannot notify */
  constructor(context: SqlContext) {
    this.#context = context
    this.#topics = new NotifyChannels(context)
    this.#topicOf = topicsOf(context.options.schema, 'notify')
  }

  async publish(events: readonly NewEvent[], tx: unknown): Promise<readonly EventId[]> {
    return tx === undefined ? this.#broadcast(events) : this.#broadcastIn(tx, events)
  }

  /** @throws {UnsupportedError} where what is notified does not arrive; the message says what to do */
  async subscribe(channels: readonly string[], options: ResolvedSubscribeOptions): Promise<Inbox> {
    const inbox = new NotifyInbox(this.#context, channels, options, (gone) => this.#topics.remove(gone))
    await this.#topics.add(inbox)
    return inbox
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#spillReady?.catch(() => undefined))?.[Symbol.asyncDispose]()
    await this.#topics[Symbol.asyncDispose]()
  }

  /** An attempt whose answer was lost is made again: a subscriber may see an event twice, but does not miss it. */
  async #broadcast(events: readonly NewEvent[]): Promise<readonly EventId[]> {
    const { database } = this.#context
    const { sending, spilled } = this.#seal(events)
    await retryOnBreak(ATTEMPTS, async () => {
      if (spilled.length === 0) await database.run(sending)
      else await this.#spill(() => database.transaction(() => send(sending, spilled)))
    })
    return this.#sent(events)
  }

  async #broadcastIn(tx: unknown, events: readonly NewEvent[]): Promise<readonly EventId[]> {
    const { sending, spilled } = this.#seal(events)
    const join = () => this.#context.database.join(tx, () => send(sending, spilled))
    await (spilled.length === 0 ? join() : this.#spill(join))
    return this.#sent(events)
  }

  #seal(events: readonly NewEvent[]): { sending: Question<void>; spilled: readonly NewEvent[] } {
    const now = this.#context.clock.now()
    const notifications = new Notifications()
    const spilled: NewEvent[] = []
    let last: { address: Address; topic: string } | undefined
    for (const event of events) {
      const { channel } = event
      // Those that travel together are mostly of one channel.
      if (last?.address.channel !== channel) {
        last = { address: addressOf(channel), topic: this.#topicOf(channel) }
      }
      const envelope = encodeEnvelope(event, now, last.address)
      if (envelope.isSpilled) spilled.push(event)
      notifications.add(last.topic, envelope)
    }
    return { sending: notifications.sending, spilled }
  }

  #sent(events: readonly NewEvent[]): readonly EventId[] {
    this.#context.telemetry.notified(events)
    return events.map(({ id }) => id)
  }

  /** Notify needs no tables until the first payload that spills. */
  async #spill<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#spillReady ??= this.#prepareSpill()
    try {
      await this.#spillReady
    } catch (error) {
      this.#spillReady = undefined
      throw error
    }
    return work()
  }

  async #prepareSpill(): Promise<Purge> {
    const { database, options } = this.#context
    await (options.autoMigrate ? migrate(database) : checkSchema(database))
    const retentionMs = Math.max(options.retentionMs, MIN_SPILL_RETENTION_MS)
    const retention = new Retention(this.#context, 'spill', retentionMs)
    return new Purge(options.logger, retention.askedMs, async (limit) => {
      const agreed = await retention.agreed()
      return database.run(purgeSpill(agreed.retentionMs, limit))
    })
  }
}

function* send(sending: Question<void>, spilled: readonly NewEvent[]): Work<void> {
  if (spilled.length > 0) yield* ask(spill(spilled))
  yield* ask(sending)
}
