import { describe, RowcastError } from '../../../common/errors.js'
import { heldUntil } from '../../../common/lease.js'
import { Outage } from '../../../common/outage.js'
import { ownClock } from '../../../common/own-clock.js'
import { SingleFlight } from '../../../common/single-flight.js'
import { defer, detach } from '../../../common/wait.js'
import type { Inbox, Outcome } from '../../../engine.js'
import type { Settlement } from '../../../event.js'
import type { ResolvedSubscribeOptions } from '../../../options/resolve.js'
import type { SqlContext } from '../context.js'
import { ask, type Work } from '../unit-of-work.js'
import { leaseGroup } from '../verbs/group.js'
import type { GroupLease } from './group-lease.js'
import type { LogDelivery } from './log-delivery.js'
import { Missed } from './missed.js'
import { ReaderLatch } from './reader-latch.js'
import type { Sequencer } from './sequencer.js'
import { Term } from './term.js'

/** Shortest pause between two attempts to take over, in milliseconds: looks come often where much is published. */
const MIN_ATTEMPT_MS = 50
/** A member is content with a part of its channels once that part has been free for this number of poll intervals. */
const PART_INTERVALS = 2
/** Shortest pause between two looks whether the checkpoints are there at all, in milliseconds. */
const MIN_ENROLL_MS = 1_000

interface MemberParts {
  readonly sequencer: Sequencer
  /** What wakes the members of other processes. */
  readonly topics: readonly string[]
  /** Wakes those of this one. */
  onStepDown(): void
  /** Makes the checkpoints that are not there. */
  enroll(): Promise<unknown>
}

/**
 * One of those who read a log under one name. Each channel has a single one that is active; the others stand by, and one of
 * them takes over when the active one steps down or its lease ends. Members of the same channels mostly take all of them or
 * none, so that one of them reads in the order of positions. Beside a member of other channels, as in a rolling deploy, it reads what
 * that leaves free, and takes the rest when it is free, before one that reads nothing yet.
 *
 *     standing by ── leases checkpoints ──→ active ── its last term is over ──→ standing by
 *          │                                  │
 *          └── its subscription closes ───────┴──→ leaving ── nothing is in hand ──→ stepping down ── done ──→ gone
 *
 * - standing by: its consumer's `take` tries to lease, when it begins and then after hints: the sequencer has looked, an active
 *   member of this process stepped down, or the shorter of poll interval and lease is over.
 * - active: it has a term for each part of its channels that it took over at once; `take` asks the terms in turn. While it leads
 *   only a part, it goes on trying to lease the rest, aside: what it leads does not wait for that. A term tells when it is over
 *   (`#onTermChanged`), and its channels are free to be taken over again, by this member or another.
 * - leaving: it takes over nothing more. Its consumer may settle what it has in hand, and the last settlement lets it step down.
 * - stepping down: each term writes what is settled and gives up its lease, which wakes the other members. Where that fails, the
 *   lease ends by itself.
 */
export class Member implements Inbox<LogDelivery> {
  readonly isPlenty = false
  readonly #context: SqlContext
  readonly #parts: MemberParts
  readonly #channels: readonly string[]
  readonly #group: string
  readonly #leaseMs: number
  readonly #pollIntervalMs: number
  readonly #latch: ReaderLatch
  readonly #missed: Missed
  readonly #gone = defer<void>()
  #terms: readonly Term[] = []
  #termOf: ReadonlyMap<string, Term> = new Map()
  #nextAttemptMs = 0
  readonly #aside = new SingleFlight()
  readonly #taking: Outage
  /** Since when a part of its channels is known to be free, and the rest not. */
  #partlyFreeAtMs: number | undefined
  #nextEnrollMs = performance.now() + MIN_ENROLL_MS
  #leaving = false
  #steppingDown: Promise<unknown> | undefined

  constructor(
    context: SqlContext,
    parts: MemberParts,
    channels: readonly string[],
    group: string,
    { leaseMs, pollIntervalMs, onGap }: ResolvedSubscribeOptions,
  ) {
    this.#context = context
    this.#parts = parts
    this.#channels = channels.toSorted()
    this.#group = group
    this.#leaseMs = leaseMs
    this.#pollIntervalMs = pollIntervalMs
    this.#missed = new Missed(context, onGap, group)
    this.#taking = new Outage(context.options.logger, "taking over the rest of a group's channels")
    this.#latch = new ReaderLatch(parts.sequencer, channels, pollIntervalMs)
  }

  /** Resolves once it has left and given up what it leased. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  async take(limit: number, signal: AbortSignal): Promise<readonly LogDelivery[]> {
    while (!signal.aborted) {
      // Before asking: a hint that comes while it is under way must not be forgotten.
      this.#latch.clear()
      if (this.#terms.length === 0) await this.#takeOver()
      else if (!this.#isComplete) this.#takeOverAside()
      for (const term of this.#terms) {
        const deliveries = await term.next(limit)
        if (deliveries.length === 0) continue
        // The others are served first next time.
        if (this.#terms.length > 1) this.#terms = this.#terms.toSorted((one) => (one === term ? 1 : -1))
        return deliveries
      }
      await (this.#isComplete ? this.#latch.wait(signal) : this.#standBy(signal))
    }
    return []
  }

  ack(delivery: LogDelivery, outcome: Outcome): void {
    this.#settling(this.#termOf.get(delivery.channel)?.ack(delivery)).then(
      (held) => outcome.onSettled(held),
      (error: unknown) => outcome.onSettleFailed(error),
    )
  }

  settle(delivery: LogDelivery, how: Settlement): Promise<boolean> {
    return this.#settling(this.#termOf.get(delivery.channel)?.settle(delivery, how))
  }

  #settling(settling: Promise<boolean> = Promise.resolve(false)): Promise<boolean> {
    return this.#leaving ? this.#settleAndLeave(settling) : settling
  }

  /** What a consumer still has in hand may be settled; then it steps down. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving = true
    this.#latch[Symbol.dispose]()
    await this.#leaveWhenIdle()
  }

  /** Whether it leads all of its channels. */
  get #isComplete(): boolean {
    return this.#termOf.size === this.#channels.length
  }

  /** Waits for events of what it leads, for a hint that the one who leads the rest may have gone, or as long as it takes to find out. */
  async #standBy(signal: AbortSignal): Promise<void> {
    using _ = this.#parts.sequencer.standBy(() => {
      if (performance.now() >= this.#nextAttemptMs) this.#latch.raise()
    })
    using __ = this.#terms.length === 0 ? this.#latch.standBy() : undefined
    await this.#latch.wait(signal, Math.min(this.#pollIntervalMs, this.#leaseMs))
  }

  async #takeOver(): Promise<void> {
    if (this.#leaving || performance.now() < this.#nextAttemptMs) return
    this.#nextAttemptMs = performance.now() + MIN_ATTEMPT_MS
    const lead = await this.#lead()
    if (lead !== undefined) {
      const term: Term = new Term(this.#context, this.#parts.sequencer, lead, this.#missed, () =>
        this.#onTermChanged(term),
      )
      if (this.#leaving) return this.#stepDown(term)
      this.#setTerms([...this.#terms, term])
    }
    if (!this.#isComplete) await this.#enrollAgain()
  }

  /** For the rest of its channels: what it leads already waits neither for a lock nor for an error. */
  #takeOverAside(): void {
    if (performance.now() >= this.#nextAttemptMs) this.#aside.begin(() => this.#takeOverRest())
  }

  async #takeOverRest(): Promise<void> {
    const before = this.#terms
    try {
      await this.#takeOver()
      if (this.#terms !== before) this.#latch.raise()
    } catch (error) {
      this.#nextAttemptMs = performance.now() + this.#taking.begin(error)
    }
    this.#aside.end()
  }

  #setTerms(terms: readonly Term[]): void {
    this.#terms = terms
    this.#termOf = new Map(terms.flatMap((term) => term.channels.map((channel) => [channel, term])))
  }

  /** Another member reads; or there are no checkpoints to lease, since somebody has emptied their table. */
  async #enrollAgain(): Promise<void> {
    if (performance.now() < this.#nextEnrollMs) return
    this.#nextEnrollMs = performance.now() + Math.max(MIN_ENROLL_MS, this.#leaseMs)
    await this.#parts.enroll()
  }

  #onTermChanged(term: Term): void {
    if (this.#leaving) detach(this.#leaveWhenIdle())
    else if (term.isOver) this.#endTerm(term)
    this.#latch.raise()
  }

  #endTerm(ended: Term): void {
    this.#setTerms(this.#terms.filter((term) => term !== ended))
    this.#nextEnrollMs = 0
  }

  async #settleAndLeave(settling: Promise<boolean>): Promise<boolean> {
    const held = await settling
    await this.#leaveWhenIdle()
    return held
  }

  /** All channels that it does not lead yet; a part of them only where it may be content with that. */
  async #lead(): Promise<GroupLease | undefined> {
    const token = this.#context.tokens.next()
    const channels = this.#channels.filter((channel) => !this.#termOf.has(channel))
    const [group, leaseMs, { consumer }] = [this.#group, this.#leaseMs, this.#context.options]
    const heldUntilMs = heldUntil(ownClock.now(), leaseMs)
    const isEnough = (count: number) => this.#isEnough(count, channels.length)
    function* lead(): Work<GroupLease> {
      const leased = yield* ask(leaseGroup(channels, { group, token }, leaseMs, consumer))
      if (!isEnough(leased.checkpoints.length)) throw new Held()
      return { group, token, leaseMs, heldUntilMs, ...leased }
    }
    try {
      return await this.#context.database.transaction(lead)
    } catch (error) {
      if (error instanceof Held) return undefined
      throw error
    }
  }

  /** Members of the same channels find all of them free or none: a part is free where others read others. */
  #isEnough(free: number, wanted: number): boolean {
    const now = performance.now()
    const isPart = free > 0 && free < wanted
    if (!isPart) this.#partlyFreeAtMs = undefined
    else this.#partlyFreeAtMs ??= now
    if (!isPart || this.#terms.length > 0) return free > 0
    return now - Number(this.#partlyFreeAtMs) >= PART_INTERVALS * this.#pollIntervalMs
  }

  async #leaveWhenIdle(): Promise<void> {
    if (!this.#leaving || this.#terms.some(({ isBusy }) => isBusy)) return
    const terms = this.#terms.filter(({ isOver }) => !isOver)
    this.#setTerms([])
    if (terms.length > 0) this.#steppingDown = Promise.all(terms.map((term) => this.#stepDown(term)))
    await this.#steppingDown
    detach(this.#aside.landed().then(() => this.#gone.resolve()))
  }

  async #stepDown(term: Term): Promise<void> {
    try {
      await term.end(this.#parts.topics)
    } catch (error) {
      // The lease ends by itself, and another takes over then.
      const { logger } = this.#context.options
      logger.warn('a group could not be given up', { group: this.#group, error: describe(error) })
    }
    this.#parts.onStepDown()
  }
}

/** Another member reads: nothing is leased, the transaction is rolled back. */
class Held extends RowcastError {
  constructor() {
    super('NOT_HELD', 'another member reads for the group')
  }
}
