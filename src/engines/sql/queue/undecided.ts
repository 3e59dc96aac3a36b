import { ConnectionError } from '../../../common/errors.js'
import { isOver } from '../../../common/lease.js'
import { sleep } from '../../../common/wait.js'
import type { Outcome } from '../../../engine.js'
import type { SqlContext } from '../context.js'
import { isWorthAnother, pauseMs } from '../flow/retry.js'
import { find } from '../verbs/publish.js'
import { findAcked } from '../verbs/settle.js'
import type { QueueDelivery } from './delivery.js'

/** A consumer's wish to settle a delivery for good. */
export interface Ack {
  readonly delivery: QueueDelivery
  readonly outcome: Outcome
}

interface UndecidedParts {
  /** Sends acks alone, and says which leases were held. */
  ask(acks: readonly Ack[]): Promise<(id: string) => boolean>
  answer(acks: readonly Ack[], isHeld: (id: string) => boolean): void
  fail(acks: readonly Ack[], error: unknown): void
  /** Aborts when trying again has to end. */
  readonly closing: AbortSignal
}

/**
 * Acks whose answer is missing. The connection may have broken before the ack was done or after it, or it may be done only
 * later, by a statement that waits in the server; so the truth is asked for, and what is not done is asked for again. That
 * goes on while the lease is held, and the heartbeat keeps it: the event is delivered to nobody else meanwhile.
 */
export class Undecided {
  readonly #context: SqlContext
  readonly #parts: UndecidedParts
  readonly #running = new Set<Promise<void>>()

  constructor(context: SqlContext, parts: UndecidedParts) {
    this.#context = context
    this.#parts = parts
  }

  get isEmpty(): boolean {
    return this.#running.size === 0
  }

  /** Acks that failed, which may have been done all the same. */
  add(acks: readonly Ack[], error: unknown): void {
    if (acks.length > 0) this.#hold(this.#decide(new Set(acks), error))
  }

  /** An ack of a lapsed lease. Alone: the same event may have been claimed again here, and its ack be on its way. */
  addLate(ack: Ack): void {
    this.#hold(
      this.#parts.ask([ack]).then(
        (isHeld) => this.#parts.answer([ack], isHeld),
        (error: unknown) => this.#decide(new Set([ack]), error),
      ),
    )
  }

  async idle(): Promise<void> {
    await Promise.all(this.#running)
  }

  #hold(deciding: Promise<void>): void {
    const running = deciding.finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #decide(open: Set<Ack>, first: unknown): Promise<void> {
    let error = first
    for (let attempt = 1; ; attempt++) {
      this.#giveUpThose(open, error, attempt)
      if (open.size === 0) return
      await sleep(pauseMs(attempt), this.#parts.closing)
      try {
        await this.#ask(open)
      } catch (next) {
        error = next
      }
    }
  }

  #giveUpThose(open: Set<Ack>, error: unknown, attempt: number): void {
    const { closing, fail } = this.#parts
    const given = [...open].filter(
      ({ delivery }) => closing.aborted || !isWorthAnother(error, attempt, !isOver(delivery.lease)),
    )
    for (const ack of given) open.delete(ack)
    fail(given, error)
  }

  /** What is known afterwards is answered, and not open any more. */
  async #ask(open: Set<Ack>): Promise<void> {
    await this.#answerDone(open)
    if (open.size === 0) return
    const isHeld = await this.#parts.ask([...open])
    this.#answer(open, isHeld, true)
    // An earlier attempt may have come through just before this one.
    if (open.size > 0) await this.#answerDone(open)
    if (this.#context.options.retentionMs === 0) await this.#infer(open)
    this.#answer(open, () => true, false)
  }

  /** History knows which acks were done. */
  async #answerDone(open: Set<Ack>): Promise<void> {
    const deliveries = [...open].map(({ delivery }) => delivery)
    const done = await this.#context.database.run(findAcked(deliveries))
    this.#answer(open, (id) => done.has(id), true)
  }

  /**
   * Without history: what is gone was acked by an earlier attempt while nobody else could have it. Later, another consumer
   * may have done it, which is known only of what is still there.
   */
  async #infer(open: Set<Ack>): Promise<void> {
    const mine = new Set([...open].flatMap(({ delivery }) => (isOver(delivery.lease) ? [] : delivery.id)))
    this.#answer(open, (id) => mine.has(id), true)
    if (open.size === 0) return
    const left = await this.#context.database.run(find([...open].map(({ delivery }) => delivery)))
    const unknown = [...open].filter(({ delivery }) => !left.has(delivery.id))
    for (const ack of unknown) open.delete(ack)
    this.#parts.fail(
      unknown,
      new ConnectionError('the answer to the ack was lost, and without history (retentionMs: 0) nothing tells it'),
    )
  }

  #answer(open: Set<Ack>, isKnown: (id: string) => boolean, held: boolean): void {
    const known = [...open].filter(({ delivery }) => isKnown(delivery.id))
    for (const ack of known) open.delete(ack)
    if (known.length > 0) this.#parts.answer(known, () => held)
  }
}
