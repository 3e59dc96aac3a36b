import { Alarm } from '../../../common/alarm.js'
import type { DatabaseClock } from '../../../common/clock.js'
import { detach } from '../../../common/wait.js'
import { isDelayed, type NewEvent } from '../../../event.js'
import type { SqlContext } from '../context.js'
import type { SqlDatabase } from '../database.js'
import { wake } from '../verbs/notify.js'
import { Hints } from './hints.js'
import type { Sleeper } from './sleeper.js'
import { topicsOf } from './topics.js'

/** At most one NOTIFY per channel and process in this many milliseconds: its commit takes a lock of the whole cluster. */
const NOTIFY_INTERVAL_MS = 10
/** How much longer the one that follows waits for a publish that carries it along, in milliseconds. */
const COMPANY_MS = 2

/**
 * Hints that a channel has events: from this process at once, from others by NOTIFY or by a changed file. A hint may be
 * lost or wrong; the poller backs it.
 */
export class WakeUps implements AsyncDisposable {
  readonly #context: SqlContext
  readonly #topicOf: (channel: string) => string
  readonly #sleeper: Sleeper
  readonly #lastNotifiedMs = new Map<string, number>()
  readonly #trailing = new Map<string, Alarm>()
  readonly #channelOf = new Map<string, string>()
  /** How many subscriptions there are to each channel. */
  readonly #followers = new Map<string, number>()
  #hints: Hints | undefined
  #watching: AsyncDisposable | undefined

  constructor(context: SqlContext, purpose: 'queue' | 'log', sleeper: Sleeper) {
    this.#context = context
    this.#topicOf = topicsOf(context.options.schema, purpose)
    this.#sleeper = sleeper
  }

  /**
   * Starts listening for hints about some channels, until they are left as often; resolves once they are live, or once polling
   * stands in for them.
   */
  async follow(channels: readonly string[]): Promise<void> {
    if (this.#database.listen === undefined) {
      this.#watching ??= this.#database.watch?.(() => this.#sleeper.look())
      this.#sleeper.hear(this.#watching !== undefined)
      return
    }
    for (const channel of channels) {
      this.#channelOf.set(this.#topicOf(channel), channel)
      this.#followers.set(channel, (this.#followers.get(channel) ?? 0) + 1)
    }
    this.#hints ??= this.#listen(this.#database.listen.bind(this.#database))
    await this.#hints.follow(channels.map(this.#topicOf))
  }

  /** A subscription to these channels has ended. */
  leave(channels: readonly string[]): void {
    const left = channels.filter((channel) => {
      const others = (this.#followers.get(channel) ?? 0) - 1
      if (others > 0) this.#followers.set(channel, others)
      else this.#followers.delete(channel)
      return others === 0
    })
    this.#hints?.leave(left.map(this.#topicOf))
  }

  /** The topics to notify along with these events: those that were not notified a moment ago. */
  topicsNow(events: readonly NewEvent[]): readonly string[] {
    const topics = this.topicsInTransaction(events).filter((topic) => this.#dueInMs(topic) <= 0)
    for (const topic of topics) this.#noteNotified(topic)
    return topics
  }

  /** What was to carry these did not get through; others may have relied on it. */
  notNotified(topics: readonly string[]): void {
    for (const topic of topics) this.#notifyLater(topic, NOTIFY_INTERVAL_MS)
  }

  /** The topics to notify when the caller's transaction commits: all, since nobody knows when that is. */
  topicsInTransaction(events: readonly NewEvent[]): readonly string[] {
    if (this.#database.listen === undefined) return []
    const now = this.#clock.now()
    return this.topicsOf(new Set(events.filter((event) => !isDelayed(event, now)).map(({ channel }) => channel)))
  }

  topicsOf(channels: Iterable<string>): readonly string[] {
    if (this.#database.listen === undefined) return []
    return [...channels].map((channel) => this.#topicOf(channel))
  }

  /**
   * These events are committed.
   * @param notified the topics that were notified with them; for the others one notification follows a moment later
   */
  stored(events: readonly NewEvent[], notified: readonly string[] = []): void {
    const now = this.#clock.now()
    const ready = new Set<string>()
    for (const event of events) {
      const { channel, delay } = event
      if (!isDelayed(event, now)) ready.add(channel)
      else this.#sleeper.expect(channel, delay?.delayMs ?? Number(delay?.availableAtMs) - now)
    }
    for (const channel of ready) this.#sleeper.wake(channel)
    for (const topic of this.topicsOf(ready)) {
      if (!notified.includes(topic)) this.#notifyLater(topic, Math.max(0, this.#dueInMs(topic)) + COMPANY_MS)
    }
  }

  /** Events will be there when the caller commits, of which some databases cannot tell. */
  storedInTransaction(): void {
    this.#sleeper.stir()
  }

  /** An event of this channel was released or nacked, due in `dueInMs` milliseconds: tells consumers here and elsewhere. */
  returned(channel: string, dueInMs: number): void {
    if (dueInMs > 0) {
      this.#sleeper.expect(channel, dueInMs)
      return
    }
    this.#sleeper.wake(channel)
    for (const topic of this.topicsOf([channel])) this.#notifyLater(topic, 1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const topics = [...this.#trailing.keys()]
    for (const alarm of this.#trailing.values()) alarm.clear()
    this.#trailing.clear()
    if (topics.length > 0) await this.#database.run(wake(topics)).catch(() => undefined)
    await Promise.all([this.#hints?.[Symbol.asyncDispose](), this.#watching?.[Symbol.asyncDispose]()])
  }

  get #database(): SqlDatabase {
    return this.#context.database
  }

  get #clock(): DatabaseClock {
    return this.#context.clock
  }

  #listen(listen: NonNullable<SqlDatabase['listen']>): Hints {
    return new Hints(this.#context, listen, {
      onHint: (topic) => this.#sleeper.wake(this.#channelOf.get(topic)),
      onSilence: () => this.#sleeper.hear(false),
      onReturn: () => {
        this.#sleeper.hear(true)
        this.#sleeper.wake(undefined)
      },
    })
  }

  #notifyLater(topic: string, dueInMs: number): void {
    if (this.#trailing.has(topic)) return
    const alarm = new Alarm(() => {
      this.#noteNotified(topic)
      detach(this.#database.run(wake([topic])))
    })
    alarm.set(dueInMs)
    this.#trailing.set(topic, alarm)
  }

  #dueInMs(topic: string): number {
    return (this.#lastNotifiedMs.get(topic) ?? Number.NEGATIVE_INFINITY) + NOTIFY_INTERVAL_MS - performance.now()
  }

  #noteNotified(topic: string): void {
    this.#lastNotifiedMs.set(topic, performance.now())
    this.#trailing.get(topic)?.clear()
    this.#trailing.delete(topic)
  }
}
