import { ownClock } from '../../../common/own-clock.js'
import { SingleFlight } from '../../../common/single-flight.js'
import { type Deferred, defer, nextTurn } from '../../../common/wait.js'
import type { Outcome } from '../../../engine.js'
import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import { isPassing } from '../flow/retry.js'
import type { Sleeper } from '../flow/sleeper.js'
import { ackAndClaim, type ClaimAnswer, claim as claimAlone, type KeyRange } from '../verbs/claim.js'
import { type QueueDelivery, toDeliveries } from './delivery.js'
import type { Leases } from './leases.js'
import { ScanFloor } from './scan-floor.js'
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

interface RoundTripParts {
  /** What claims, to be told when it is worth it. */
  readonly sleeper: Sleeper
  readonly leases: Leases
  /** Aborts when trying again has to end. */
  readonly closing: AbortSignal
}

/**
 * The traffic of one channel with its queue. Acks gather while a round trip is in flight and travel with the next
 * claim; on Postgres the two are one statement.
 * @see sql/postgres/queue/ack_and_claim.sql
 */
export class RoundTrips {
  readonly #context: SqlContext
  readonly #channel: string
  readonly #sleeper: Sleeper
  readonly #leases: Leases
  readonly #floor = new ScanFloor()
  #acks: Ack[] = []
  #claims: Claim[] = []
  readonly #traffic = new SingleFlight()
  readonly #undecided: Undecided

  constructor(context: SqlContext, channel: string, { sleeper, leases, closing }: RoundTripParts) {
    this.#context = context
    this.#leases = leases
    this.#channel = channel
    this.#sleeper = sleeper
    this.#undecided = new Undecided(context, {
      ask: async (acks) => (await this.#ask(acks, { token: context.tokens.next(), ranges: [] })).readHeld(),
      answer: (acks, isHeld) => this.#answer(acks, isHeld),
      fail: (acks, error) => this.#fail(acks, error),
      closing,
    })
  }

  /** Most events that one round trip brings. */
  get portion(): number {
    return portionOf(this.#context.database, ackAndClaim, MAX_EXCHANGED)
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
    while (this.#traffic.isUnderWay || !this.#undecided.isEmpty) {
      await Promise.all([this.#traffic.landed(), this.#undecided.idle()])
    }
  }

  #start(): void {
    this.#traffic.begin(this.#run)
  }

  readonly #run = async (): Promise<void> => {
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
    this.#traffic.end()
  }

  /** Sends what waits; resolves, once that is answered, to what reads the answer. */
  async #roundTrip(): Promise<() => void> {
    const acks = this.#acks.splice(0, this.portion)
    const claim = this.#claims.shift()
    const token = this.#context.tokens.next()
    const ranges = this.#floor.ranges()
    const startedMs = performance.now()
    const askedMs = ownClock.now()
    try {
      const answer = await this.#ask(acks, { token, ranges, ...claim })
      const tookMs = performance.now() - startedMs
      return () => {
        this.#answer(acks, answer.readHeld())
        if (claim !== undefined) this.#deliver(claim, answer, { token, ranges, askedMs, tookMs, settled: acks.length })
      }
    } catch (error) {
      return () => {
        claim?.claimed.reject(error)
        if (isPassing(error)) this.#undecided.add(acks, error)
        else this.#fail(acks, error)
      }
    }
  }

  #deliver(claim: Claim, answer: ClaimAnswer, scan: Scan & { askedMs: number; tookMs: number; settled: number }): void {
    try {
      const claimed = this.#read(answer, claim, scan)
      this.#floor.observe(scan.ranges, scan.tookMs, scan.settled, claimed)
      if (claimed.length > 0) this.#sleeper.stir()
      if (claimed.length < claim.limit) this.#lookAgain(scan.ranges)
      claim.claimed.resolve(claimed)
    } catch (error) {
      claim.claimed.reject(error)
    }
  }

  #ask(acks: readonly Ack[], claim: Partial<Claim> & Scan): Promise<ClaimAnswer> {
    const { database, options } = this.#context
    const { token, ranges, leaseMs = 0, limit = 0 } = claim
    const asked = { channel: this.#channel, token, leaseMs, limit }
    if (acks.length === 0 && ranges.length === 0 && database.has(claimAlone)) return database.run(claimAlone(asked))
    const acked = acks.map(({ delivery }) => delivery)
    const { consumer, retentionMs } = options
    return database.run(ackAndClaim({ ...asked, acked, ranges, consumer, keepHistory: retentionMs > 0 }))
  }

  #read(answer: ClaimAnswer, { leaseMs }: Claim, { token, askedMs }: Scan & { askedMs: number }) {
    const claimed = toDeliveries(answer.readClaimed(), { channel: this.#channel, token, leaseMs, askedMs })
    const [first] = claimed
    if (first !== undefined) this.#context.clock.observe(first.lease.expiresAtMs - leaseMs)
    return claimed
  }

  /** What lies before the part that was looked through waits until all of it is. */
  #lookAgain(ranges: readonly KeyRange[]): void {
    const { restMs } = this.#floor
    if (restMs > 0 || ranges.length > 0) this.#sleeper.expect(this.#channel, Math.max(1, restMs))
  }

  #answer(acks: readonly Ack[], isHeld: (id: string) => boolean): void {
    let count = 0
    const isKept = (delivery: QueueDelivery) => !delivery.lease.lost && isHeld(delivery.id)
    for (const { delivery, outcome } of acks) {
      const held = isKept(delivery)
      if (held) count++
      this.#leases.endSettling(delivery, held)
      outcome.onSettled(held)
    }
    this.#context.telemetry.acked(count, () => acks.map(({ delivery }) => delivery).filter(isKept), null)
  }

  #fail(acks: readonly Ack[], error: unknown): void {
    for (const { delivery, outcome } of acks) {
      this.#leases.giveUpSettling(delivery)
      outcome.onSettleFailed(error)
    }
  }
}
