import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { database, type Place } from '../support/databases.js'
import { within } from '../support/wait.js'
import type { ContestantName, Settings } from './contestant.js'
import type { Works } from './works.js'

const ACTOR = fileURLToPath(new URL('./actor.ts', import.meta.url))
/** Longest that one order may take, in milliseconds. */
const PATIENCE_MS = 300_000

type Argument<Work extends keyof Works> = Parameters<Works[Work]>[0]
type Answer<Work extends keyof Works> = Awaited<ReturnType<Works[Work]>>

/** Another process with a contestant in it. */
export class Actor implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  #lastId = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (answer: { id: number; value?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (answer.error === undefined) waiting?.resolve(answer.value)
      else waiting?.reject(new Error(answer.error))
    })
    child.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`an actor ended: ${code ?? signal}`))
    })
  }

  static async start(contestant: ContestantName, settings: Settings): Promise<Actor> {
    const execArgv = ['--import', 'tsx', ...(process.env.ROWCAST_BENCH_NODE_ARGS?.split(' ') ?? [])]
    const actor = new Actor(fork(ACTOR, { execArgv }))
    try {
      await actor.#answer(0)
      await actor.do('open', { contestant, settings })
      return actor
    } catch (error) {
      await actor[Symbol.asyncDispose]()
      throw error
    }
  }

  do<Work extends keyof Works>(work: Work, argument: Argument<Work>): Promise<Answer<Work>> {
    const id = ++this.#lastId
    const answer = this.#answer(id)
    this.#child.send({ id, work, argument })
    return within(PATIENCE_MS, answer, work) as Promise<Answer<Work>>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    await within(20_000, this.do('close', undefined), 'closing').catch((error: unknown) => console.error(error))
    this.#child.disconnect()
    await gone
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }
}

export type Ground = 'postgres' | 'mariadb' | 'mysql' | 'sqlite' | 'redis'

/** One measurement's own place on a database, and the processes that work there. Everything goes when it is disposed. */
export class Stage implements AsyncDisposable {
  readonly #place: Place | undefined
  readonly #settings: Pick<Settings, 'url' | 'place'>
  readonly #resources: Promise<AsyncDisposable | undefined>[] = []

  private constructor(place: Place | undefined, settings: Pick<Settings, 'url' | 'place'>) {
    this.#place = place
    this.#settings = settings
  }

  static async open(ground: Ground): Promise<Stage> {
    if (ground === 'redis')
      return new Stage(undefined, { url: redisUrl(), place: `b${randomBytes(6).toString('hex')}` })
    const place = await database(ground).place()
    const { schema, tablePrefix } = place.options
    return new Stage(place, { url: place.url, place: schema ?? tablePrefix?.slice(0, -1) ?? 'bench' })
  }

  async actor(contestant: ContestantName, extra: Omit<Settings, 'url' | 'place'> = {}): Promise<Actor> {
    const starting = Actor.start(contestant, { ...this.#settings, ...extra })
    // Kept from now on: when another one fails to start meanwhile, the stage goes.
    this.#resources.push(starting.catch(() => undefined))
    return starting
  }

  /** Keeps something until the end of the measurement. */
  use<Resource extends AsyncDisposable>(resource: Resource): Resource {
    this.#resources.push(Promise.resolve(resource))
    return resource
  }

  /** The place on the database, for SQL past every contestant. */
  get place(): Place {
    if (this.#place === undefined) throw new Error('no place on this ground')
    return this.#place
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#resources.reverse()) await (await resource)?.[Symbol.asyncDispose]()
    await this.#place?.[Symbol.asyncDispose]()
  }
}

export function redisUrl(): string {
  return process.env.ROWCAST_BENCH_REDIS_URL ?? process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
}
