import { Alarm } from '../../../common/alarm.js'
import { ConnectionError } from '../../../common/errors.js'
import { isFinal, Outage } from '../../../common/outage.js'
import { SingleFlight } from '../../../common/single-flight.js'
import { atMost } from '../../../common/wait.js'
import type { SqlContext } from '../context.js'
import type { SqlDatabase } from '../database.js'
import { readClock } from '../verbs/schema.js'
import { LongPoll, type LongQuestion } from './long-poll.js'
import { Rhythm } from './rhythm.js'
import { MIN_POLL_MS, type Sleeper } from './sleeper.js'

/** Longest that closing waits for a look that is under way, in milliseconds. */
const CLOSE_MS = 2_000
/** When nothing is planned. */
const NEVER_MS = Number.POSITIVE_INFINITY

/** One subscription's interest in one channel. */
export interface Lane {
  readonly channel: string
  readonly pollIntervalMs: number
  /** Whether it wants to know of events: it has not been told of any since it fetched, and would fetch them. */
  readonly isWaiting: boolean
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
  /** Whether something has come, for somebody here or elsewhere. */
  readonly isNews: boolean
  /** Whether something was hidden behind what was found: look again at once. */
  readonly more: boolean
}

/** What a poller asks the database. */
export interface Questions {
  /**
   * Looks: what is there in these channels, and when will there be something next?
   * @param isRoutine nothing says that there is something
   */
  look(channels: readonly string[], isRoutine: boolean): Promise<Findings>
  /**
   * Probes: has something come?
   * @param ask runs the one statement that says so, as little work for the server as can be
   */
  probe(channels: readonly string[], ask: SqlDatabase['run']): Promise<Findings>
  /** What waits at the server until a probe would find something. */
  poll(channels: readonly string[]): LongQuestion
}

/** A probe that found nothing. */
export const NOTHING: Findings = { ready: [], nextMs: Number.POSITIVE_INFINITY, isNews: false, more: false }

/**
 * The truth behind the hints: looks what is due, one question for all channels of this object, by deadline. It sleeps
 * until something is due or the poll interval is over, whichever is first. Where no hints come from other processes, it
 * probes in between, in a rhythm of its own, or lets the server do so (`LongPoll`). But for that, one question is under way at
 * a time.
 */
export class Poller implements Sleeper, AsyncDisposable {
  readonly #context: SqlContext
  readonly #questions: Questions
  readonly #looking: Outage
  readonly #probing: Outage
  readonly #rhythm = new Rhythm()
  readonly #longPoll: LongPoll
  readonly #lanes = new Set<Lane>()
  #intervalMs = NEVER_MS
  #hintsCome = true
  readonly #alarm = new Alarm(() => this.#plan())
  #lookAtMs = NEVER_MS
  #probeAtMs = NEVER_MS
  readonly #asking = new SingleFlight()
  #closed = false

  constructor(context: SqlContext, questions: Questions) {
    this.#context = context
    this.#questions = questions
    this.#looking = new Outage(context.options.logger, 'looking for due events')
    this.#probing = new Outage(context.options.logger, 'asking whether events have come')
    this.#longPoll = new LongPoll(context, this.#rhythm, (found) => this.#onPolled(found))
  }

  add(lane: Lane): void {
    this.#lanes.add(lane)
    this.#intervalMs = Math.min(this.#intervalMs, lane.pollIntervalMs)
    this.#rhythm.stir()
    this.look()
  }

  remove(lane: Lane): void {
    this.#lanes.delete(lane)
    this.#intervalMs = [...this.#lanes].reduce((ms, { pollIntervalMs }) => Math.min(ms, pollIntervalMs), NEVER_MS)
    if (this.#isIdle) this.#rest()
  }

  wake(channel: string | undefined): void {
    for (const lane of this.#lanes) if (channel === undefined || lane.channel === channel) lane.heat()
  }

  expect(channel: string, dueInMs: number): void {
    if ([...this.#lanes].some((lane) => lane.channel === channel)) this.#lookIn(dueInMs)
  }

  look(): void {
    this.#lookAtMs = Number.NEGATIVE_INFINITY
    this.#plan()
  }

  stir(): void {
    this.#rhythm.stir()
    this.#probeInTime()
  }

  hear(hintsCome: boolean): void {
    this.#hintsCome = hintsCome
    if (hintsCome) this.#probeAtMs = NEVER_MS
    else this.#probeInTime()
  }

  /** A lane has begun to wait. */
  onWaiting(): void {
    if (this.#longPoll.isUnderWay) this.#probeInTime()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#longPoll.stop()
    this.#lanes.clear()
    this.#rest()
    await atMost(CLOSE_MS, this.#asking.landed())
  }

  /** Nobody wants to know. */
  get #isIdle(): boolean {
    return this.#closed || this.#lanes.size === 0
  }

  get #isDue(): boolean {
    return !this.#isIdle && Math.min(this.#lookAtMs, this.#probeAtMs) <= performance.now()
  }

  async #askWhileDue(): Promise<void> {
    while (this.#isDue) {
      if (this.#lookAtMs <= performance.now()) await this.#look()
      else await this.#probe()
    }
    this.#asking.end()
    this.#plan()
  }

  async #look(): Promise<void> {
    const isRoutine = this.#lookAtMs !== Number.NEGATIVE_INFINITY
    this.#lookAtMs = NEVER_MS
    try {
      const findings = await this.#questions.look(channelsOf([...this.#lanes]), isRoutine)
      this.#looking.end()
      if (findings.ready.length === 0) this.#context.telemetry.happened('pollEmpty')
      this.#follow(findings)
      this.#longPoll.forget()
      // A look sees what a probe would.
      this.#probeAtMs = NEVER_MS
      this.#probeInTime()
    } catch (error) {
      if (this.#closed) return
      if (isFinal(error)) for (const lane of this.#lanes) lane.fail(error)
      this.#lookIn(this.#looking.begin(error))
    }
  }

  /** One that fails is followed by a look, which tells what is wrong; probes go on when a look has succeeded. */
  async #probe(): Promise<void> {
    this.#probeAtMs = NEVER_MS
    const waiting = this.#waiting
    if (waiting.length === 0) this.#longPoll.forget()
    else if (this.#pollAtServer(waiting)) return
    try {
      if (waiting.length > 0) this.#take(await this.#questions.probe(waiting, this.#ask))
      if (this.#rhythm.isWayWanted) await this.#measureWay()
      this.#probing.end()
      this.#probeIn(Math.min(this.#longPoll.confirmMs, this.#rhythm.pauseMs(this.#intervalMs)))
    } catch (error) {
      if (this.#closed) return
      if (!(error instanceof ConnectionError)) this.#probing.begin(error)
      this.#lookAtMs = Number.NEGATIVE_INFINITY
    }
  }

  readonly #ask: SqlDatabase['run'] = async (question) => {
    const startedMs = performance.now()
    const answer = await this.#context.database.run(question)
    this.#rhythm.note(performance.now() - startedMs)
    return answer
  }

  get #waiting(): readonly string[] {
    return channelsOf([...this.#lanes].filter((lane) => lane.isWaiting))
  }

  /** Lets the server watch these channels until the next look; `false` where it cannot, or is not to. */
  #pollAtServer(channels: readonly string[]): boolean {
    if (!this.#longPoll.isWanted) return false
    const forMs = this.#lookAtMs - performance.now()
    return this.#longPoll.begin(this.#questions.poll(channels), channels, forMs, this.#intervalMs)
  }

  #onPolled(found: boolean): void {
    if (found) this.#probeIn(0)
    else this.#probeInTime()
  }

  #take(findings: Findings): void {
    this.#longPoll.noteProbe(findings.isNews)
    this.#follow(findings)
  }

  async #measureWay(): Promise<void> {
    const startedMs = performance.now()
    await this.#context.database.run(readClock())
    this.#rhythm.noteWay(performance.now() - startedMs)
  }

  /** Heats the lanes that have something to fetch, and plans the next look. */
  #follow({ ready, nextMs, more }: Findings): void {
    for (const channel of ready) this.wake(channel)
    if (more) this.#lookAtMs = Number.NEGATIVE_INFINITY
    this.#lookIn(nextMs)
  }

  /** Plans a look in `ms` milliseconds, unless one is planned sooner. */
  #lookIn(dueInMs: number): void {
    if (this.#isIdle) return
    const lookAtMs = performance.now() + Math.min(Math.max(MIN_POLL_MS, dueInMs), this.#intervalMs)
    if (lookAtMs >= this.#lookAtMs) return
    this.#lookAtMs = lookAtMs
    this.#plan()
  }

  /** Probes after the pause that the rhythm wants, unless the server does. */
  #probeInTime(): void {
    if (this.#isIdle || this.#hintsCome || this.#longPoll.covers(() => this.#waiting)) return
    this.#probeIn(this.#longPoll.isWanted ? 0 : this.#rhythm.pauseMs(this.#intervalMs))
  }

  /** Plans a probe in `ms` milliseconds, unless one is planned sooner. */
  #probeIn(ms: number): void {
    if (this.#isIdle || this.#hintsCome) return
    const probeAtMs = performance.now() + ms
    if (probeAtMs >= this.#probeAtMs) return
    this.#probeAtMs = probeAtMs
    this.#plan()
  }

  /** Asks now or sleeps until then. */
  #plan(): void {
    if (this.#asking.isUnderWay) return
    this.#alarm.clear()
    if (this.#isIdle) return
    if (this.#isDue) {
      this.#asking.begin(() => this.#askWhileDue())
      return
    }
    const dueInMs = Math.min(this.#lookAtMs, this.#probeAtMs) - performance.now()
    this.#alarm.set(Math.min(dueInMs, this.#intervalMs))
  }

  #rest(): void {
    this.#alarm.clear()
    this.#lookAtMs = NEVER_MS
    this.#probeAtMs = NEVER_MS
  }
}

function channelsOf(lanes: readonly Lane[]): readonly string[] {
  return [...new Set(lanes.map((lane) => lane.channel))]
}
