import { Coalescer } from '../../../common/coalescer.js'
import type { Lease } from '../../../common/lease.js'
import { largest } from '../../../common/numbers.js'
import type { Settlement } from '../../../event.js'
import type { SqlContext } from '../context.js'
import { noteDeadLettered } from '../flow/dead-lettered.js'
import { type Beating, Heartbeat } from '../flow/heartbeat.js'
import { deadLetterEntry, stepDown } from '../verbs/group.js'
import { Checkpoint, NOT_WRITTEN, type Written } from './checkpoint.js'
import { CheckpointLease, type GroupLease } from './group-lease.js'
import { InHand } from './in-hand.js'
import { type LogDelivery, toDelivery } from './log-delivery.js'
import type { Missed } from './missed.js'
import { type PendingCheckpoint, Progress } from './progress.js'
import { Reader } from './reader.js'
import { Retries } from './retries.js'
import type { Sequencer } from './sequencer.js'
import { Suspects } from './suspects.js'

const HELD = Promise.resolve(true)

/**
 * One member's time as the active one of its group: reads in order, takes back what is nacked and delivers it again in
 * place, and moves the checkpoint over what is settled. Everything it writes is fenced by its lease.
 *
 *     active ── its member steps down: what is settled is written, the lease given up ──→ over
 *       └────── the lease was lost, or may be ────────────────────────────────────────────↑
 *
 * Its member makes it and asks for deliveries; its heartbeat extends the lease. The lease is lost when the heartbeat or a write
 * hears from the database that another member has it, and may be lost when it has ended by this process's own clock (`lapse`) or
 * when nothing tells what a write has done. Then those who hold a delivery are told, but for those whose settlement is being
 * written: they hear from the database whether that was in time. A term that is over delivers nothing and writes no mark any more.
 *
 * A delivery of it:
 *
 *     read ──→ in hand ── ack, or dead letter ──→ settled ── everything before it is settled ──→ written
 *                 ↑ └───── nack, or release ──→ waiting (`Retries`) ── due ──┐
 *                 └──────────────────────────────────────────────────────────┘
 *
 * The consumer's answer comes when the delivery is settled behind one that is not, since nothing can be written then; otherwise
 * when the write is through.
 */
export class Term implements Beating {
  readonly #context: SqlContext
  readonly #lead: GroupLease
  readonly #checkpoint: Checkpoint
  readonly #reader: Reader
  readonly #onChange: () => void
  readonly #progress: ReadonlyMap<string, Progress>
  readonly #suspects: Suspects
  readonly #inHand: InHand
  readonly #retries: Retries
  readonly #writes: Coalescer<number, Written>
  /** Per channel. */
  #pending = new Map<string, PendingCheckpoint>()
  readonly #heartbeat: Heartbeat
  #over = false

  /** @param onChange called when there is a reason to take more, or the term is over */
  constructor(context: SqlContext, sequencer: Sequencer, lead: GroupLease, missed: Missed, onChange: () => void) {
    this.#context = context
    this.#lead = lead
    this.#onChange = onChange
    this.#inHand = new InHand(context.telemetry, lead.group)
    this.#retries = new Retries(onChange)
    this.#checkpoint = new Checkpoint(context, lead)
    const places = new Map(lead.checkpoints.map(({ channel, position }) => [channel, position]))
    this.#reader = new Reader(sequencer, places, lead.group, missed)
    this.#progress = new Map([...places].map(([channel, position]) => [channel, new Progress(position)]))
    this.#suspects = new Suspects(lead.checkpoints)
    this.#writes = new Coalescer(
      () => 10_000,
      async (leases) => {
        const written = await this.#write(largest(leases))
        return leases.map(() => written)
      },
    )
    this.#heartbeat = new Heartbeat(this, context.options.logger)
    this.#heartbeat.start()
  }

  get leaseMs(): number {
    return this.#lead.leaseMs
  }

  get isBeating(): boolean {
    return !this.#over
  }

  get what() {
    return { group: this.#lead.group }
  }

  get channels(): readonly string[] {
    return [...this.#progress.keys()]
  }

  /** The heartbeat waits for no write: one may hang for long, on a connection that went silent. */
  async extend(withinMs: number): Promise<boolean> {
    // All was left by a consumer that has gone: the lease may end, so that another member reads.
    if (this.#inHand.isLeft) return true
    const { held, isWhole } = await this.#checkpoint.extend(this.channels, withinMs)
    return held ? isWhole : this.#lose()
  }

  /** By our own clock, another member may have the lease. */
  lapse(nowMs: number): number {
    if (this.#over || this.#checkpoint.heldUntilMs > nowMs) return this.#checkpoint.heldUntilMs
    this.#lose('lapsed')
    return Number.POSITIVE_INFINITY
  }

  /** Whether the lease was lost. */
  get isOver(): boolean {
    return this.#over
  }

  /** Whether a consumer still has something of it. */
  get isBusy(): boolean {
    return !this.#inHand.isEmpty
  }

  /** The next deliveries: what is due again, else what comes next; none when there are none yet. */
  async next(limit: number): Promise<readonly LogDelivery[]> {
    // A process that stood still asks whether it is still the active one before it delivers more.
    if (this.#checkpoint.isOver && !(await this.#extend(this.#lead.leaseMs))) return []
    const again = this.#retries.take(limit)
    for (const delivery of again) this.#inHand.add(delivery)
    if (again.length > 0 || this.#retries.isFull) return again
    if (!this.#suspects.areNear) return this.#read(limit)
    return this.isBusy || !this.#retries.isEmpty ? [] : this.#read(1)
  }

  /** `false`: the lease was lost, perhaps with another term. */
  ack(delivery: LogDelivery): Promise<boolean> {
    return this.#inHand.has(delivery) ? this.#pass(delivery, [delivery]) : Promise.resolve(false)
  }

  /** `false`: the lease was lost, perhaps with another term. */
  settle(delivery: LogDelivery, how: Settlement): Promise<boolean> {
    if (!this.#inHand.has(delivery)) return Promise.resolve(false)
    switch (how.type) {
      case 'release':
        return this.#giveBack({ ...delivery, attempts: delivery.attempts - 1 }, delivery, 0)
      case 'nack':
        return this.#nack(delivery, how.delayMs, how.error)
      case 'dead':
        return this.#deadLetter(delivery, how.error)
      case 'extend':
        return this.#extend(how.leaseMs)
    }
  }

  /** Writes what is settled and gives up the lease, so that another member takes over at once. */
  async end(topics: readonly string[]): Promise<void> {
    this.#stop()
    await this.#writes.idle()
    await this.#context.database.run(stepDown(this.channels, this.#lead, topics))
  }

  async #read(limit: number): Promise<readonly LogDelivery[]> {
    const entries = await this.#reader.next(limit)
    const deliveries: LogDelivery[] = []
    for (const entry of entries) {
      // It may have been lost meanwhile: another term delivers these.
      if (this.#over) return []
      const attempts = 1 + this.#suspects.deathsAt(entry.channel)
      const delivery = toDelivery(entry, attempts, this.#lease())
      this.#progress.get(entry.channel)?.begin(entry.position)
      this.#inHand.add(delivery)
      if (attempts <= entry.maxAttempts) deliveries.push(delivery)
      else
        await this.#deadLetter(delivery, `delivered ${entry.maxAttempts} times and never settled: its consumers died`)
    }
    return deliveries
  }

  async #nack(delivery: LogDelivery, delayMs: number, error: string | null): Promise<boolean> {
    const { attempts, maxAttempts } = delivery
    const held =
      attempts >= maxAttempts
        ? await this.#deadLetter(delivery, error ?? `nacked ${attempts} times`)
        : await this.#giveBack({ ...delivery, availableAtMs: this.#context.clock.now() + delayMs }, delivery, delayMs)
    if (held) this.#context.telemetry.settled('nack', delivery, this.#lead.group)
    return held
  }

  async #deadLetter(delivery: LogDelivery, error: string): Promise<boolean> {
    const attempts = Math.min(delivery.attempts, delivery.maxAttempts)
    const question = deadLetterEntry({ ...delivery, attempts, error }, this.#lead)
    const writing = this.#checkpoint.settle(() => this.#context.database.run(question))
    if (!(await this.#orLose(writing))) return this.#lose()
    noteDeadLettered(this.#context, delivery, error, this.#lead.group)
    return this.#pass(delivery, [])
  }

  /**
   * Settles it, and waits until that is written where the checkpoint could move over it. What is settled ahead of an
   * earlier event is delivered again if this member dies before that one is settled.
   */
  #pass(delivery: LogDelivery, acked: readonly LogDelivery[]): Promise<boolean> {
    const { channel, position } = delivery
    const progress = this.#progress.get(channel)
    progress?.settle(position)
    if (progress === undefined || progress.mark < position) {
      this.#leave(channel, [delivery], acked)
      return HELD
    }
    const pending = this.#pending.get(channel) ?? this.#beginPending(channel)
    pending.deliveries.push(delivery)
    this.#inHand.beginSettling(delivery)
    for (const each of acked) pending.acked.push(each)
    return pending.stored
  }

  /** Those who settle before the next write begins share its answer. */
  #beginPending(channel: string): PendingCheckpoint {
    const stored = this.#orLose(this.#writes.add(this.#lead.leaseMs), () => pending.deliveries).then((written) => {
      const isStored = written.stored.has(channel)
      if (!isStored) for (const delivery of pending.deliveries) this.#inHand.tell(delivery, 'lost')
      this.#leave(channel, pending.deliveries, isStored ? pending.acked : [])
      return isStored
    })
    const pending: PendingCheckpoint = { deliveries: [], acked: [], stored }
    this.#pending.set(channel, pending)
    return pending
  }

  /** Nobody has them in hand any more. */
  #leave(channel: string, deliveries: readonly LogDelivery[], acked: readonly LogDelivery[]): void {
    for (const delivery of deliveries) this.#inHand.endSettling(delivery)
    this.#suspects.pass(channel, deliveries.length)
    this.#context.telemetry.acked(acked.length, () => acked, this.#lead.group)
    this.#onChange()
  }

  async #giveBack(next: LogDelivery, delivery: LogDelivery, delayMs: number): Promise<boolean> {
    this.#inHand.remove(delivery)
    this.#retries.add(toDelivery(next, next.attempts + 1, this.#lease()), delayMs)
    return true
  }

  #lease(): Lease {
    return new CheckpointLease(this.#lead, this.#checkpoint)
  }

  /** `false`: the lease was lost. */
  async #extend(leaseMs: number): Promise<boolean> {
    return (await this.#writes.add(leaseMs)).held
  }

  /** Writes the marks of all channels. */
  async #write(leaseMs: number): Promise<Written> {
    const pending = this.#pending
    this.#pending = new Map()
    if (this.#over) return NOT_WRITTEN
    const marks = [...this.#progress].map(([channel, { mark }]) => [channel, mark] as const)
    const written = await this.#checkpoint.write(marks, leaseMs, () => this.#over)
    if (written.held) return written
    for (const channel of written.stored) {
      for (const delivery of pending.get(channel)?.deliveries ?? []) this.#inHand.remove(delivery)
    }
    this.#lose()
    return written
  }

  /** Where it is not known what was written the term is over: a member goes on from the checkpoint when the lease ends. */
  #orLose<Result>(writing: Promise<Result>, settling: () => readonly LogDelivery[] = () => []): Promise<Result> {
    return writing.catch((error: unknown) => {
      this.#lose()
      for (const delivery of settling()) this.#inHand.tell(delivery, 'lost')
      throw error
    })
  }

  /** Another member reads now, or may. What is being written hears from the database whether it was in time. */
  #lose(how: 'lost' | 'lapsed' = 'lost'): false {
    if (this.#over) return false
    this.#stop()
    this.#inHand.lose(how)
    this.#onChange()
    return false
  }

  #stop(): void {
    this.#over = true
    this.#heartbeat.stop()
    this.#retries.clear()
  }
}
