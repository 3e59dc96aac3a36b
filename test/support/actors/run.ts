import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ChannelOptions, EventChannel, type PublishOptions } from '../../../src/index.js'
import type { Place, TestDatabase } from '../databases.js'
import {
  account,
  accountLog,
  assertKept,
  type Fact,
  HistoryReader,
  type Judgement,
  type JudgeOptions,
  judge,
  nowMs,
  Recorder,
} from '../history/index.js'
import { silent } from '../logger.js'
import { eventually } from '../wait.js'
import { Actor } from './actor.js'
import type { Payload, PublisherConfig, WorkerConfig } from './config.js'

/** How often to look for what must happen, in milliseconds: looking costs more than a glance here. */
const LOOK_MS = 25
const WORKER = {
  objects: 1,
  concurrency: 4,
  prefetch: 'auto',
  group: null,
  workMs: 5,
  nacks: 0,
  drainMs: 5_000,
} as const
const PUBLISHER = {
  objects: 1,
  callers: 1,
  count: null,
  pauseMs: 5,
  delayed: 0,
  delayMs: 500,
  oversized: 0,
  keys: 0,
} as const

/**
 * A history in the making: a place of its own on a database, processes that publish and handle there, and the test's
 * own channel and pen.
 */
export class Run implements AsyncDisposable {
  readonly database: TestDatabase
  readonly place: Place
  readonly channel: EventChannel
  readonly recorder: Recorder
  readonly #folder: string
  readonly #history: HistoryReader
  readonly #options: ChannelOptions
  readonly #actors: Actor[] = []
  readonly #session: string | null
  #published = 0

  private constructor(
    database: TestDatabase,
    place: Place,
    channel: EventChannel,
    options: ChannelOptions,
    session: string | null,
  ) {
    this.#session = session
    this.database = database
    this.place = place
    this.channel = channel
    this.#options = options
    this.#folder = mkdtempSync(join(tmpdir(), 'rowcast-history-'))
    this.recorder = new Recorder(this.#folder, 'test')
    this.#history = new HistoryReader(this.#folder)
  }

  /**
   * @param given where to run, when it is not a new place of the database
   * @param session what each session of the actors is told, over pools of their own
   */
  static async open(
    database: TestDatabase,
    options: ChannelOptions = {},
    given?: Place,
    session: string | null = null,
  ): Promise<Run> {
    const place = given ?? (await database.place())
    const complete = { backend: 'queue', ...place.options, ...options } as const
    try {
      return new Run(
        database,
        place,
        await EventChannel.open(place.url, { ...complete, logger: silent }),
        complete,
        session,
      )
    } catch (error) {
      await place[Symbol.asyncDispose]()
      throw error
    }
  }

  worker(name: string, config: Partial<WorkerConfig> = {}): Promise<Actor> {
    return this.#start('worker', { ...this.#common(name), ...WORKER, ...config })
  }

  publisher(name: string, config: Partial<PublisherConfig> = {}): Promise<Actor> {
    return this.#start('publisher', { ...this.#common(name), ...PUBLISHER, priorities: [5], ...config })
  }

  /** Publishes one event from the test itself; returns its name in the history. */
  async publish(steps: Omit<Payload, 'event'> = {}, options: PublishOptions = {}): Promise<string> {
    const { event, id } = await this.#ask(steps, options)
    this.recorder.record({ type: 'published', event, id })
    return event
  }

  /**
   * Publishes events, one for each set of options, in a transaction of a user's own, which commits or rolls back.
   * @param meanwhile what happens before it does
   */
  async publishInTransaction(
    how: 'commit' | 'rollback',
    each: readonly PublishOptions[] = [{}],
    meanwhile?: () => Promise<void>,
  ): Promise<void> {
    const transaction = await this.place.begin()
    const asked: { event: string; id: string }[] = []
    try {
      for (const options of each) asked.push(await this.#ask({}, { ...options, tx: transaction.handle }))
      await meanwhile?.()
      await transaction[how]()
    } catch (error) {
      await transaction.rollback()
      for (const { event } of asked) this.recorder.record({ type: 'rolledBack', event })
      throw error
    }
    for (const { event, id } of asked) {
      this.recorder.record(how === 'commit' ? { type: 'published', event, id } : { type: 'rolledBack', event })
    }
  }

  get facts(): readonly Fact[] {
    return this.#history.facts
  }

  /** Counters and gauges that the parts of an actor ended with, added up; the actor must have ended. */
  counter(actor: string, name: string): number {
    const counted = this.facts.filter((fact) => fact.type === 'counted' && fact.actor.split('/')[0] === actor)
    return counted.reduce((sum, fact) => sum + ((fact.type === 'counted' && fact.counters[name]) || 0), 0)
  }

  /** Waits for a fact of that kind; returns it. */
  async fact<Type extends Fact['type']>(
    ms: number,
    type: Type,
    matches: (fact: Extract<Fact, { type: Type }>) => boolean = () => true,
  ): Promise<Extract<Fact, { type: Type }>> {
    const isIt = (fact: Fact): fact is Extract<Fact, { type: Type }> =>
      fact.type === type && matches(fact as Extract<Fact, { type: Type }>)
    const found = await eventually(ms, () => this.facts.find(isIt), LOOK_MS)
    return found as Extract<Fact, { type: Type }>
  }

  /** Resolves when nothing waits and nothing is in anybody's hands. */
  async settled(ms: number): Promise<void> {
    const isSettled = async () => {
      const stats = await this.channel.stats()
      if (stats.some(({ groups }) => groups.some(({ lag }) => lag > 0))) return false
      return stats.every(({ ready, leased, scheduled }) => ready + leased + scheduled === 0)
    }
    await eventually(ms, isSettled, LOOK_MS)
  }

  /** Ends every actor in peace, reads the tables and judges. */
  async judgement(options?: JudgeOptions): Promise<Judgement> {
    await Promise.all(this.#actors.map((actor) => actor.terminate()))
    if (this.channel.backend === 'log') await accountLog(this.place, this.recorder)
    else await account(this.place, this.recorder)
    return judge(this.facts, options)
  }

  /** The same, and fails on a broken promise. */
  async kept(options?: JudgeOptions): Promise<Judgement> {
    return assertKept(await this.judgement(options))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#actors.map((actor) => actor[Symbol.asyncDispose]()))
    await this.channel.close({ drainMs: 0 })
    await this.place[Symbol.asyncDispose]()
    this.recorder[Symbol.dispose]()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #ask(steps: Omit<Payload, 'event'>, options: PublishOptions): Promise<{ event: string; id: string }> {
    const event = `test-${this.#published++}`
    const notBefore = options.availableAt?.getTime() ?? (options.delayMs && nowMs() + options.delayMs)
    const { priority = 5 } = options
    this.recorder.record({ type: 'publishing', event, priority, ...(notBefore && { notBefore }) })
    return { event, id: await this.channel.publish('orders', { event, ...steps }, options) }
  }

  #common(name: string) {
    const seed = [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) >>> 0
    return {
      name,
      history: this.#folder,
      url: this.place.url,
      session: this.#session,
      options: this.#options,
      channel: 'orders',
      clockShiftMs: 0,
      seed,
    }
  }

  async #start(program: string, config: WorkerConfig | PublisherConfig): Promise<Actor> {
    const actor = new Actor(program, config, this.recorder)
    this.#actors.push(actor)
    return actor.ready()
  }
}
