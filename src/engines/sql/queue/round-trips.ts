import { randomUUID } from 'node:crypto'
import { groupBy } from '../../../common/group-by.js'
import { ownClock } from '../../../common/own-clock.js'
import { type Deferred, defer, nextTurn } from '../../../common/wait.js'
import type { Outcome } from '../../../engine.js'
import type { SqlContext } from '../context.js'
import { portionOf, type Row } from '../database.js'
import { isPassing } from '../flow/retry.js'
import type { Sleeper } from '../flow/sleeper.js'
import { addressOf, type Mark, type QueueDelivery, toDeliveries } from './delivery.js'
import type { Leases } from './leases.js'
import { type KeyRange, ScanFloor } from './scan-floor.js'
import { type Ack, Undecided } from './undecided.js'

/** Most acks in one round trip, and most events claimed: claims and acks share one limit, else unsettled events grow. */
const MAX_EXCHANGED = 1_000

interface Claim {
  readonly limit: number
  readonly leaseMs: number
  readonly claimed: Deferred<readonly QueueDelivery[]>
}

/** What a claim looks through, and what it leaves its mark with. */
interface Scan {
  readonly token: string
  readonly ranges: readonly KeyRange[]
}

interface ExchangeParts {
  /** What claims, to be told when it is worth it. */
  readonly sleeper: Sleeper
  readonly leases: Leases
  /** Aborts when trying again has to end. */
  readonly closing: AbortSignal
}

/**
 * The traffic of one channel with its queue. Acks gather while a round trip is in flight and travel with the next
 * claim; on Postgres the two are one statement.
 * @see sql/postgres/statements/exchange.sql
 */
export class RoundTrips {
  readonly #context: SqlContext
  readonly #channel: string
  readonly #sleeper: Sleeper
  readonly #leases: Leases
  readonly #floor = new ScanFloor()
  #acks: Ack[] = []
  #claims: Claim[] = []
  #running: Promise<void> | undefined
  readonly #undecided: Undecided

  constructor(context: SqlContext, channel: string, { sleeper, leases, closing }: ExchangeParts) {
    this.#context = context
    this.#leases = leases
    this.#channel = channel
    this.#sleeper = sleeper
    this.#undecided = new Undecided(context, {
      ask: async (acks) => findHeld(await this.#ask(acks, { token: randomUUID(), ranges: [] })),
      answer: (acks, isHeld) => this.#answer(acks, isHeld),
      fail: (acks, error) => this.#fail(acks, error),
      closing,
    })
  }

  /** Most events that one round trip brings. */
  get portion(): number {
    return portionOf(this.#context.database, 'exchange', MAX_EXCHANGED)
  }

  /** Leases up to `limit` ready events, in claim order; none when there are none. */
  claim(limit: number, leaseMs: number): Promise<readonly QueueDelivery[]> {
    const claimed = defer<readonly QueueDelivery[]>()
    this.#claims.push({ limit, leaseMs, claimed })
    this.#start()
    return claimed.promise
  }

  ack(delivery: QueueDelivery, outcome: Outcome): void {
    this.#leases.beginSettling(delivery)
    if (delivery.lease.lapsed) {
      this.#undecided.addLate({ delivery, outcome })
      return
    }
    this.#acks.push({ delivery, outcome })
    this.#start()
  }

  /** A delivery is ready again. */
  putBack(delivery: QueueDelivery): void {
    this.#floor.putBack(delivery)
  }

  /** Resolves when no ack is waiting or in flight. */
  async idle(): Promise<void> {
    while (this.#running !== undefined || !this.#undecided.isEmpty) {
      await Promise.all([this.#running, this.#undecided.idle()])
    }
  }

  #start(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    while (this.#acks.length > 0 || this.#claims.length > 0) {
      // Handlers that finish in the same turn of the event loop settle together; a lone claim waits for nobody.
      if (this.#acks.length > 0) await nextTurn()
      let read = await this.#roundTrip()
      // Where events are plenty, the next claim waits already. It leaves within the turn, and the database works on it while
      // this answer is read.
      while (this.#claims.length > 0) {
        const next = this.#roundTrip()
        await nextTurn()
        read()
        read = await next
      }
      read()
    }
    // In this very turn: whoever asks after the last check must find nobody running.
    this.#running = undefined
  }

  /** Sends what waits; resolves, once that is answered, to what reads the answer. */
  async #roundTrip(): Promise<() => void> {
    const acks = this.#acks.splice(0, this.portion)
    const claim = this.#claims.shift()
    const token = randomUUID()
    const ranges = this.#floor.ranges()
    const startedMs = performance.now()
    const askedMs = ownClock.now()
    try {
      const rows = await this.#ask(acks, { token, ranges, ...claim })
      const tookMs = performance.now() - startedMs
      return () => {
        this.#answer(acks, findHeld(rows))
        if (claim !== undefined) this.#deliver(claim, rows, { token, ranges, askedMs, tookMs, settled: acks.length })
      }
    } catch (error) {
      return () => {
        claim?.claimed.reject(error)
        if (isPassing(error)) this.#undecided.add(acks, error)
        else this.#fail(acks, error)
      }
    }
  }

  #deliver(
    claim: Claim,
    rows: readonly Row[],
    scan: Scan & { askedMs: number; tookMs: number; settled: number },
  ): void {
    try {
      const { token, askedMs } = scan
      const claimed = this.#read(rows, { channel: this.#channel, token, leaseMs: claim.leaseMs, askedMs })
      this.#floor.observe(scan.ranges, scan.tookMs, scan.settled, claimed)
      if (claimed.length > 0) this.#sleeper.stir()
      if (claimed.length < claim.limit) this.#lookAgain(scan.ranges)
      claim.claimed.resolve(claimed)
    } catch (error) {
      claim.claimed.reject(error)
    }
  }

  #ask(acks: readonly Ack[], claim: Partial<Claim> & Scan): Promise<readonly Row[]> {
    const { database, options } = this.#context
    const limit = claim.limit ?? 0
    if (acks.length === 0 && claim.ranges.length === 0 && database.has('claim')) {
      return database.run('claim', {
        channel: this.#channel,
        lease_token: claim.token,
        lease_ms: claim.leaseMs ?? 0,
        limit,
      })
    }
    return database.run('exchange', {
      channel: this.#channel,
      settled: acks.map(({ delivery }) => addressOf(delivery)),
      acks: () => groupByLease(acks),
      keyed: acks.filter(({ delivery }) => delivery.key !== null).map(({ delivery }) => delivery.id),
      keep_history: options.retentionMs > 0,
      consumer: options.consumer,
      lease_token: claim.token,
      lease_ms: claim.leaseMs ?? 0,
      limit,
      whole: claim.ranges.length === 0,
      ranges: claim.ranges.map((range) => ({ ...range, most: limit })),
    })
  }

  #read(rows: readonly Row[], mark: Mark): readonly QueueDelivery[] {
    const claimed = toDeliveries(rows, mark)
    const [first] = claimed
    if (first !== undefined) this.#context.clock.observe(first.lease.expiresAtMs - mark.leaseMs)
    return claimed
  }

  /** What lies before the part that was looked through waits until all of it is. */
  #lookAgain(ranges: readonly KeyRange[]): void {
    const { restMs } = this.#floor
    if (restMs > 0 || ranges.length > 0) this.#sleeper.expect(this.#channel, Math.max(1, restMs))
  }

  #answer(acks: readonly Ack[], isHeld: (id: string) => boolean): void {
    let count = 0
    for (const { delivery, outcome } of acks) {
      const held = !delivery.lease.lost && isHeld(delivery.id)
      if (held) count++
      this.#leases.endSettling(delivery, held)
      outcome.onSettled(held)
    }
    this.#context.telemetry.count('events.ack', count, this.#channel)
  }

  #fail(acks: readonly Ack[], error: unknown): void {
    for (const { delivery, outcome } of acks) {
      this.#leases.giveUpSettling(delivery)
      outcome.onSettleFailed(error)
    }
  }
}

/** Acks by the lease that holds them, mostly one for each claim. */
function groupByLease(acks: readonly Ack[]) {
  const byToken = groupBy(acks, ({ delivery }) => delivery.lease.token)
  return [...byToken].flatMap(([lease_token, held]) =>
    [...groupBy(held, ({ delivery }) => delivery.priority)].map(([priority, group]) => {
      return { priority, lease_token, ids: group.map(({ delivery }) => delivery.id) }
    }),
  )
}

/** Whose lease was held: the answer names those, one to a row, or in its first row the others, parted by commas. */
function findHeld(rows: readonly Row[]): (id: string) => boolean {
  const [first] = rows
  if (first !== undefined && 'lost' in first) {
    const lost = new Set(String(first.lost ?? '').split(','))
    return (id) => !lost.has(id)
  }
  const acked = new Set(rows.flatMap(({ outcome, id }) => (outcome === 'acked' ? [id] : [])))
  return (id) => acked.has(id)
}
