import { randomUUID } from 'node:crypto'
import { call, type Work } from '../../adapters/adapter.js'
import { describe, RowcastError } from '../../errors.js'
import type { Delivery, Settlement } from '../../event.js'
import { heldUntil } from '../../lease.js'
import { smallest } from '../../numbers.js'
import { ownClock } from '../../own-clock.js'
import type { ResolvedSubscribeOptions } from '../../resolve.js'
import { defer, detach } from '../../wait.js'
import type { BackendContext, Inbox, Outcome } from '../backend.js'
import type { LogDelivery } from './entry.js'
import { Heat } from './heat.js'
import type { Lead } from './lead.js'
import { Missed } from './missed.js'
import type { Tail } from './tail.js'
import { Term } from './term.js'

/** Shortest pause between two attempts to take over, in milliseconds: looks come often where much is published. */
const MIN_ATTEMPT_MS = 50
/** Shortest pause between two looks whether the checkpoints are there at all, in milliseconds. */
const MIN_ENROLL_MS = 1_000

interface MemberParts {
  readonly tail: Tail
  /** What wakes the members of other processes. */
  readonly topics: readonly string[]
  /** Wakes those of this one. */
  onStepDown(): void
  /** Makes the checkpoints that are not there. */
  enroll(): Promise<unknown>
}

/**
 * One of those who read a log under one name. A single one is active, over all of its channels or none; the others stand
 * by, and one of them takes over when the active one steps down or its lease ends.
 */
export class Member implements Inbox {
  readonly isPlenty = false
  readonly #context: BackendContext
  readonly #parts: MemberParts
  readonly #channels: readonly string[]
  readonly #group: string
  readonly #leaseMs: number
  readonly #pollIntervalMs: number
  readonly #heat: Heat
  readonly #missed: Missed
  readonly #gone = defer<void>()
  #term: Term | undefined
  #nextAttemptMs = 0
  #nextEnrollMs = performance.now() + MIN_ENROLL_MS
  #leaving = false
  #steppingDown: Promise<void> | undefined

  constructor(
    context: BackendContext,
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
    this.#heat = new Heat(parts.tail, channels, pollIntervalMs)
  }

  /** Resolves once it has left and given up what it leased. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  async take(limit: number, signal: AbortSignal): Promise<readonly Delivery[]> {
    while (!signal.aborted) {
      // Before asking: a hint that comes while it is under way must not be forgotten.
      this.#heat.clear()
      const term = this.#term ?? (await this.#takeOver())
      if (term === undefined) {
        await this.#standBy(signal)
        continue
      }
      const deliveries = await term.next(limit)
      if (deliveries.length > 0) return deliveries
      if (!term.isOver) await this.#heat.wait(signal)
    }
    return []
  }

  ack(delivery: Delivery, outcome: Outcome): void {
    this.#settling(this.#term?.ack(delivery as LogDelivery)).then(
      (held) => outcome.onSettled(held),
      (error: unknown) => outcome.onSettleFailed(error),
    )
  }

  settle(delivery: Delivery, how: Settlement): Promise<boolean> {
    return this.#settling(this.#term?.settle(delivery as LogDelivery, how))
  }

  #settling(settling: Promise<boolean> = Promise.resolve(false)): Promise<boolean> {
    return this.#leaving ? this.#settleAndLeave(settling) : settling
  }

  /** What a consumer still has in hand may be settled; then it steps down. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving = true
    this.#heat[Symbol.dispose]()
    await this.#leaveWhenIdle()
  }

  /** Waits for a hint that the active one may have gone, or as long as it takes to find out. */
  async #standBy(signal: AbortSignal): Promise<void> {
    using _ = this.#parts.tail.standBy(() => {
      if (performance.now() >= this.#nextAttemptMs) this.#heat.raise()
    })
    using __ = this.#heat.standBy()
    await this.#heat.wait(signal, Math.min(this.#pollIntervalMs, this.#leaseMs))
  }

  async #takeOver(): Promise<Term | undefined> {
    if (this.#leaving || performance.now() < this.#nextAttemptMs) return undefined
    this.#nextAttemptMs = performance.now() + MIN_ATTEMPT_MS
    const lead = await this.#lead()
    if (lead === undefined) return this.#enrollAgain()
    this.#term = new Term(this.#context, this.#parts.tail, lead, this.#missed, () => this.#onTermChanged())
    return this.#term
  }

  /** Another member reads; or there are no checkpoints to lease, since somebody has emptied their table. */
  async #enrollAgain(): Promise<undefined> {
    if (performance.now() < this.#nextEnrollMs) return
    this.#nextEnrollMs = performance.now() + Math.max(MIN_ENROLL_MS, this.#leaseMs)
    await this.#parts.enroll()
  }

  #onTermChanged(): void {
    if (this.#leaving) detach(this.#leaveWhenIdle())
    else if (this.#term?.isOver) this.#endTerm()
    this.#heat.raise()
  }

  #endTerm(): void {
    this.#term = undefined
    this.#nextEnrollMs = 0
  }

  async #settleAndLeave(settling: Promise<boolean>): Promise<boolean> {
    const held = await settling
    await this.#leaveWhenIdle()
    return held
  }

  /** All channels or none: two members with half of the channels each would wait for each other. */
  async #lead(): Promise<Lead | undefined> {
    const token = randomUUID()
    const parameters = {
      channels: this.#channels,
      consumer_group: this.#group,
      lease_token: token,
      lease_ms: this.#leaseMs,
      consumer: this.#context.options.consumer,
    }
    const [group, leaseMs] = [this.#group, this.#leaseMs]
    const heldUntilMs = heldUntil(ownClock.now(), leaseMs)
    function* lead(): Work<Lead> {
      const rows = yield* call('lead', parameters)
      if (rows.length < parameters.channels.length) throw new Held()
      const expiresAtMs = smallest(rows.map((row) => Number(row.lease_expires_at_ms)))
      const checkpoints = rows.map((row) => ({
        channel: String(row.channel),
        position: Number(row.position),
        attempts: Number(row.attempts),
      }))
      return { group, token, leaseMs, expiresAtMs, heldUntilMs, checkpoints }
    }
    try {
      return await this.#context.adapter.transaction(lead)
    } catch (error) {
      if (error instanceof Held) return undefined
      throw error
    }
  }

  async #leaveWhenIdle(): Promise<void> {
    if (!this.#leaving || this.#term?.isBusy) return
    const term = this.#term
    this.#term = undefined
    if (term !== undefined && !term.isOver) this.#steppingDown = this.#stepDown(term)
    await this.#steppingDown
    this.#gone.resolve()
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
