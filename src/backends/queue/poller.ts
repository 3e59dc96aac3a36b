import { Trouble } from '../../trouble.js'
import type { BackendContext } from '../backend.js'
import { MIN_POLL_MS, type Sleeper } from './sleeper.js'

/** Most scheduled events moved into a queue in one statement. */
const PROMOTE_LIMIT = 1_000
/** How often to look, and for how long, while a commit is expected that nobody will tell of, in milliseconds. */
const HURRY_INTERVAL_MS = 20
const HURRY_MS = 1_000

/** One subscription's interest in one channel. */
export interface Lane {
  readonly channel: string
  readonly pollIntervalMs: number
  /** Events may be there: claim. */
  heat(): void
}

/**
 * The truth behind the hints: looks what is due, one question for all channels of this object, by deadline. It sleeps
 * until the next scheduled event, the next end of a lease, or the poll interval, whichever is first.
 * @see sql/postgres/statements/next_due.sql
 */
export class Poller implements Sleeper, AsyncDisposable {
  readonly #context: BackendContext
  readonly #trouble: Trouble
  readonly #lanes = new Set<Lane>()
  #timer: NodeJS.Timeout | undefined
  #wakeAtMs = Number.POSITIVE_INFINITY
  #hurryUntilMs = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined
  #lookAgain = false
  #closed = false

  constructor(context: BackendContext) {
    this.#context = context
    this.#trouble = new Trouble(context.options.logger, 'looking for due events')
  }

  add(lane: Lane): void {
    this.#lanes.add(lane)
    this.look()
  }

  remove(lane: Lane): void {
    this.#lanes.delete(lane)
    if (this.#lanes.size === 0) this.#cancel()
  }

  wake(channel: string | undefined): void {
    for (const lane of this.#lanes) if (channel === undefined || lane.channel === channel) lane.heat()
  }

  expect(channel: string, dueInMs: number): void {
    if ([...this.#lanes].some((lane) => lane.channel === channel)) this.#sleepUntil(dueInMs)
  }

  look(): void {
    if (this.#lanes.size === 0 || this.#closed) return
    this.#lookAgain = true
    this.#looking ??= this.#lookWhileAsked()
  }

  hurry(): void {
    this.#hurryUntilMs = performance.now() + HURRY_MS
    this.#sleepUntil(1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#lanes.clear()
    this.#cancel()
    await this.#looking
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#lookAgain && this.#lanes.size > 0) {
      this.#lookAgain = false
      this.#cancel()
      try {
        const nextMs = await this.#lookOnce()
        this.#trouble.end()
        this.#sleepUntil(nextMs)
      } catch (error) {
        this.#sleepUntil(this.#trouble.begin(error))
      }
    }
    // In this very turn: whoever asks after the last check must find nobody looking.
    this.#looking = undefined
  }

  /** Heats the lanes that have something to claim; returns in how many milliseconds something is due next. */
  async #lookOnce(): Promise<number> {
    const { adapter, clock, telemetry } = this.#context
    const channels = [...new Set([...this.#lanes].map((lane) => lane.channel))]
    const rows = await adapter.run('next_due', { channels })
    const dues = rows.map((row) => {
      clock.observe(Number(row.now_ms))
      return { channel: String(row.channel), queue: toMs(row.queue_due_ms), scheduled: toMs(row.scheduled_due_ms) }
    })
    await this.#promote(dues.filter(({ scheduled }) => scheduled <= 0).map(({ channel }) => channel))
    const ready = dues.filter(({ queue, scheduled }) => queue <= 0 || scheduled <= 0)
    if (ready.length === 0) telemetry.count('events.poll.empty')
    for (const { channel } of ready) this.wake(channel)
    const waits = dues.flatMap(({ queue, scheduled }) => [queue, scheduled]).filter((dueMs) => dueMs > 0)
    return Math.min(this.#intervalMs(), ...waits)
  }

  async #promote(channels: readonly string[]): Promise<void> {
    if (channels.length === 0) return
    const promoted = await this.#context.adapter.run('promote', { channels, limit: PROMOTE_LIMIT })
    // What is due after these was hidden behind them.
    if (promoted.length > 0) this.#lookAgain = true
  }

  #intervalMs(): number {
    if (performance.now() < this.#hurryUntilMs) return HURRY_INTERVAL_MS
    return Math.min(...[...this.#lanes].map((lane) => lane.pollIntervalMs))
  }

  /** Looks in so many milliseconds, unless that is planned sooner. */
  #sleepUntil(dueInMs: number): void {
    const wakeAtMs = performance.now() + Math.max(MIN_POLL_MS, dueInMs)
    if (this.#closed || this.#lanes.size === 0 || wakeAtMs >= this.#wakeAtMs) return
    this.#cancel()
    this.#wakeAtMs = wakeAtMs
    this.#timer = setTimeout(() => this.look(), Math.min(wakeAtMs - performance.now(), this.#intervalMs()))
  }

  #cancel(): void {
    clearTimeout(this.#timer)
    this.#wakeAtMs = Number.POSITIVE_INFINITY
  }
}

/** Nothing to wait for is infinitely far away. */
function toMs(due: unknown): number {
  return due === null ? Number.POSITIVE_INFINITY : Number(due)
}
