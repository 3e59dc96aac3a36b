import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { Connection as MysqlConnection } from 'mysql2'
import pg from 'pg'
import {
  type ContestantName,
  loadContestant,
  makePayload,
  type Payload,
  type Session,
  type Settings,
} from './contestant.js'

/** Left out of every rate, in milliseconds: a process just started has compiled nothing yet. */
const WARM_UP_MS = 1_000

/** What one consumer saw. */
export interface Seen {
  readonly count: number
  /** `process.hrtime` of the first and the last event, in milliseconds. */
  readonly firstMs: number
  readonly lastMs: number
  /** The numbers of the events, where they were asked for. */
  readonly numbers: readonly number[]
}

/** The work that a process of a run can be told to do; arguments and results are plain data. */
export class Works {
  #session: Session | undefined
  #consumer: AsyncDisposable | undefined
  #next = 0
  #count = 0
  #firstMs = 0
  #lastMs = 0
  #numbers: number[] = []
  #latencies: number[] = []

  async open({ contestant, settings }: { contestant: ContestantName; settings: Settings }): Promise<void> {
    const { open } = await loadContestant(contestant)
    this.#session = await open(settings)
  }

  async close(): Promise<void> {
    await this.#consumer?.[Symbol.asyncDispose]()
    await this.#session?.[Symbol.asyncDispose]()
  }

  /** Stores a backlog. */
  async fill({ count, bytes }: { count: number; bytes: number }): Promise<void> {
    const by = Math.max(1, Math.min(1_000, Math.floor(2_000_000 / bytes)))
    for (let left = count; left > 0; left -= by)
      await this.#active.publishMany(this.#payloads(Math.min(by, left), bytes))
  }

  /** Publishes by so many callers, each awaiting its own; events a second. */
  async publish({ callers, ms, bytes }: { callers: number; ms: number; bytes: number }): Promise<number> {
    return this.#rate(ms, callers, async () => {
      await this.#active.publish(makePayload(this.#next++, bytes))
      return 1
    })
  }

  /** Publishes so many at a time, one call after another; events a second. */
  async bulk({ by, ms, bytes }: { by: number; ms: number; bytes: number }): Promise<number> {
    return this.#rate(ms, 1, async () => {
      await this.#active.publishMany(this.#payloads(by, bytes))
      return by
    })
  }

  /** Publishes one event every so often, each stamped. */
  async tick({ count, everyMs, bytes }: { count: number; everyMs: number; bytes: number }): Promise<void> {
    const publishing: Promise<unknown>[] = []
    for (let n = 0; n < count; n++) {
      publishing.push(this.#active.publish(makePayload(n, bytes, String(process.hrtime.bigint()))))
      await sleep(everyMs)
    }
    await Promise.all(publishing)
  }

  /** How long a lone publish call takes, one every so often, in milliseconds. */
  async calls({
    count,
    everyMs,
    bytes,
  }: {
    count: number
    everyMs: number
    bytes: number
  }): Promise<readonly number[]> {
    const durations: number[] = []
    for (let n = 0; n < count; n++) {
      const startedMs = now()
      await this.#active.publish(makePayload(this.#next++, bytes))
      durations.push(now() - startedMs)
      await sleep(everyMs)
    }
    return durations
  }

  /** Consumes from now on with a handler that takes so long; 0 returns at once. */
  async consume({
    concurrency,
    handlerMs = 0,
    keep = false,
  }: {
    concurrency: number
    handlerMs?: number
    keep?: boolean
  }) {
    const handler = async (payload: Payload) => {
      this.#see(payload, keep)
      if (handlerMs > 0) await sleep(handlerMs)
    }
    this.#consumer = await this.#active.consume(handler, { concurrency })
  }

  /** Waits until so many events were seen, or nothing more for a while, or so long in all. */
  async seen({ count, limitMs }: { count: number; limitMs: number }): Promise<Seen> {
    const deadlineMs = now() + limitMs
    while (this.#count < count && now() < deadlineMs) await sleep(2)
    return this.look()
  }

  /** How many events this process published. */
  async made(): Promise<{ made: number }> {
    return { made: this.#next }
  }

  async look(): Promise<Seen> {
    return { count: this.#count, firstMs: this.#firstMs, lastMs: this.#lastMs, numbers: this.#numbers }
  }

  /** How long each stamped event took, in milliseconds. */
  async latencies(): Promise<readonly number[]> {
    return this.#latencies
  }

  /** What this process costs while nothing happens: statements a minute, and the share of one core. */
  async idle({ ms }: { ms: number }): Promise<{ queries: number; cpu: number }> {
    let queries = 0
    countCalls(() => queries++)
    const before = process.cpuUsage()
    const startedMs = now()
    await sleep(ms)
    const { user, system } = process.cpuUsage(before)
    const elapsedMs = now() - startedMs
    return { queries: (queries * 60_000) / elapsedMs, cpu: ((user + system) / 1_000 / elapsedMs) * 100 }
  }

  get #active(): Session {
    if (this.#session === undefined) throw new Error('open first')
    return this.#session
  }

  #payloads(count: number, bytes: number): readonly Payload[] {
    return Array.from({ length: count }, () => makePayload(this.#next++, bytes))
  }

  #see({ n, sentNs }: Payload, keep: boolean): void {
    this.#lastMs = now()
    if (this.#count++ === 0) this.#firstMs = this.#lastMs
    if (keep) this.#numbers.push(n)
    if (sentNs !== undefined) this.#latencies.push(Number(process.hrtime.bigint() - BigInt(sentNs)) / 1e6)
  }

  /** Repeats a step in so many loops at once; what the steps return, a second, past the warm-up. */
  async #rate(ms: number, loops: number, step: () => Promise<number>): Promise<number> {
    const startMs = now() + WARM_UP_MS
    const endMs = startMs + ms
    let total = 0
    let lastMs = startMs
    const loop = async () => {
      while (now() < endMs) {
        const isWarm = now() >= startMs
        const done = await step()
        if (!isWarm) continue
        total += done
        lastMs = now()
      }
    }
    await Promise.all(Array.from({ length: loops }, loop))
    return (total * 1_000) / (lastMs - startMs)
  }
}

/** Milliseconds on the clock that every process of this machine shares. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

type Method = (...args: never[]) => unknown

/** Tells of every statement that the drivers send from now on. */
function countCalls(onCall: () => void): void {
  const probe = new Database(':memory:').prepare('select 1')
  wrap(pg.Client.prototype, ['query'], onCall)
  wrap(MysqlConnection.prototype, ['query', 'execute'], onCall)
  wrap(Object.getPrototypeOf(probe), ['all', 'run', 'get'], onCall)
}

function wrap(prototype: object, names: readonly string[], onCall: () => void): void {
  const methods = prototype as Record<string, Method>
  for (const name of names) {
    const original = methods[name]
    if (original === undefined) continue
    methods[name] = function (this: unknown, ...args: never[]) {
      onCall()
      return original.apply(this, args)
    }
  }
}
