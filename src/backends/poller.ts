import { isFinal, Trouble } from '../trouble.js'
import type { BackendContext } from './backend.js'
import { MIN_POLL_MS, type Sleeper } from './sleeper.js'

/** How often to look, and for how long, while a commit is expected that nobody will tell of, in milliseconds. */
const HURRY_INTERVAL_MS = 20
const HURRY_MS = 1_000

/** One subscription's interest in one channel. */
export interface Lane {
  readonly channel: string
  readonly pollIntervalMs: number
  /** Events may be there: fetch. */
  heat(): void
  /** Looking is pointless until a person changes something. */
  fail(error: unknown): void
}

/** What a look at the database found. */
export interface Findings {
  /** Channels that have something for whoever follows them. */
  readonly ready: readonly string[]
  /** In how many milliseconds something is due next; infinity when nothing is. */
  readonly nextMs: number
  /** Whether something was hidden behind what was found: look again at once. */
  readonly more: boolean
}

/**
 * The truth behind the hints: looks what is due, one question for all channels of this object, by deadline. It sleeps
 * until something is due or the poll interval is over, whichever is first.
 */
export class Poller implements Sleeper, AsyncDisposable {
  readonly #context: BackendContext
  readonly #find: (channels: readonly string[]) => Promise<Findings>
  readonly #trouble: Trouble
  readonly #lanes = new Set<Lane>()
  #timer: NodeJS.Timeout | undefined
  #wakeAtMs = Number.POSITIVE_INFINITY
  #hurryUntilMs = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined
  #lookAgain = false
  #closed = false

  /** @param find asks the database about the channels that are followed */
  constructor(context: BackendContext, find: (channels: readonly string[]) => Promise<Findings>) {
    this.#context = context
    this.#find = find
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
        if (isFinal(error)) for (const lane of this.#lanes) lane.fail(error)
        this.#sleepUntil(this.#trouble.begin(error))
      }
    }
    // In this very turn: whoever asks after the last check must find nobody looking.
    this.#looking = undefined
  }

  /** Heats the lanes that have something to fetch; returns in how many milliseconds to look again. */
  async #lookOnce(): Promise<number> {
    const { ready, nextMs, more } = await this.#find([...new Set([...this.#lanes].map((lane) => lane.channel))])
    if (more) this.#lookAgain = true
    if (ready.length === 0) this.#context.telemetry.count('events.poll.empty')
    for (const channel of ready) this.wake(channel)
    return Math.min(this.#intervalMs(), nextMs)
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
