import { largest } from '../../../common/numbers.js'
import type { SqlContext } from '../context.js'
import type { SqlDatabase } from '../database.js'
import { type Findings, type Lane, NOTHING, Poller } from '../flow/poller.js'
import type { Positions } from '../flow/positions.js'
import type { Sleeper } from '../flow/sleeper.js'
import { findPosition, longPollLog, probeLog } from '../verbs/sequence.js'
import { RecentBatches } from './recent-batches.js'
import { type Place, type Reading, SharedReads } from './shared-reads.js'
import { Start } from './start.js'

/** Most events that get their position in one statement, and where more than that are waiting. */
const BATCH = 1_000
const LARGE_BATCH = 4_000
/** How long to wait for this object's own readers before more events get their position, in milliseconds. */
const UNREAD_MS = 20
/** How soon to look again while another process gives positions, in milliseconds. */
const CONTENDED_MS = 2
/** How often a look is a whole one, in milliseconds: a probe does not notice that a table is gone. */
const WHOLE_MS = 3_000

/** An event committed now may have been published so much earlier, in milliseconds. */
const LATE_COMMIT_MS = 5_000

/** A log that has moved on by so much was emptied: its last position was restored far ahead. @see sql/postgres/log/restore_head.sql */
const RESTORED_AHEAD = 1e14

/** Where the readers go on in a log that was emptied or restored under them. */
interface Resumption {
  readonly position: number
}

/** What was true of one channel at one moment. */
export interface ChannelEnd {
  /** The last position of the channel; 0 when it has none. */
  readonly head: number
  /** The last position of the whole log at that moment: what comes later has a greater one. */
  readonly until: number
}

/**
 * The growing end of the log, as this object last saw it. Whoever looks also gives positions to what has been committed
 * since, unless another is at it.
 * @see sql/postgres/log/sequence.sql
 */
export class Sequencer implements AsyncDisposable {
  /** Hints end here: what is new has no position before the next look, so a hint is a reason to look, not to read. */
  readonly sleeper: Sleeper
  readonly #context: SqlContext
  readonly #poller: Poller
  readonly #ends = new Map<string, ChannelEnd>()
  /** The last position that was given, and the channels that were asked about, at the last look. */
  #seen: { readonly until: number; readonly channels: readonly string[] } | undefined
  readonly #standBys = new Set<() => void>()
  #isBehind = false
  readonly #reads: SharedReads
  #recentBatches = new RecentBatches()
  readonly #start: Start
  readonly #positions: Positions
  #lookedAtMs = 0
  #wholeDueMs = Number.NEGATIVE_INFINITY
  #resumption: Resumption | undefined

  constructor(context: SqlContext, positions: Positions) {
    this.#context = context
    this.#positions = positions
    this.#reads = new SharedReads(context)
    this.#start = new Start(context.clock)
    this.#poller = new Poller(context, {
      look: (channels, isRoutine) => this.#look(channels, isRoutine),
      probe: (_, ask) => this.#probe(ask),
      poll: () => (naps) => longPollLog(this.#start.next(), this.#seen?.until ?? -1, naps),
    })
    const look = () => this.#poller.look()
    this.sleeper = {
      wake: look,
      look,
      expect: () => undefined,
      stir: () => this.#poller.stir(),
      hear: (hintsCome) => this.#poller.hear(hintsCome),
    }
  }

  /** How far a channel reached, at the last look; `undefined` before the first. */
  endOf(channel: string): ChannelEnd | undefined {
    return this.#ends.get(channel)
  }

  /** Epoch milliseconds, by the database. */
  get nowMs(): number {
    return this.#context.clock.now()
  }

  /** Set anew when the log is found to reach less far than before. */
  get resumption(): Resumption | undefined {
    return this.#resumption
  }

  follow(lane: Lane): void {
    this.#poller.add(lane)
  }

  unfollow(lane: Lane): void {
    this.#poller.remove(lane)
  }

  onWaiting(): void {
    this.#poller.onWaiting()
  }

  /** What follows a place, from the newest pass or from the table. */
  async read(place: Place): Promise<Reading> {
    const wasRead = this.#recentBatches.isRead
    const recent = this.#recentBatches.read(place.channel, place.group, place.after, place.until)
    if (this.#isBehind && this.#recentBatches.isRead && !wasRead) this.#poller.look()
    return recent ?? this.#reads.read(place)
  }

  /** Calls back after each look, which a member that stepped down elsewhere may have caused. */
  standBy(onLook: () => void): Disposable {
    this.#standBys.add(onLook)
    return { [Symbol.dispose]: () => void this.#standBys.delete(onLook) }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#poller[Symbol.asyncDispose]()
  }

  /** Most of those that are made as a matter of routine are but a probe, which finds nothing. */
  async #look(channels: readonly string[], isRoutine: boolean): Promise<Findings> {
    const seen = this.#seen?.channels ?? []
    const isSame = seen.length === channels.length && channels.every((channel, i) => channel === seen[i])
    const isSeen = isRoutine && isSame && performance.now() < this.#wholeDueMs
    const ask: SqlDatabase['run'] = (question) => this.#context.database.run(question)
    const findings = await (isSeen ? this.#probe(ask) : this.#find(channels))
    for (const onLook of this.#standBys) onLook()
    return findings
  }

  /**
   * Looks only where something waits for its position or has got one since the last look: one read, whatever the number of
   * channels. What members stand by for does not show here.
   * @see sql/postgres/log/probe.sql
   */
  async #probe(ask: SqlDatabase['run']): Promise<Findings> {
    const from = this.#start.next()
    const startedMs = performance.now()
    const { isWaiting, position } = await ask(probeLog(from))
    const isIdle = !isWaiting && position === this.#seen?.until
    // From the same start: what the probe took, over a connection that had to be made, says nothing of the look.
    if (!isIdle) return this.#find(this.#seen?.channels ?? [], from)
    this.#start.note(from, performance.now() - startedMs, 0, false, undefined)
    return { ...NOTHING, nextMs: this.#start.dueInMs }
  }

  /** Gives positions, one pass ahead of this object's own readers. */
  async #find(channels: readonly string[], from = this.#start.next()): Promise<Findings> {
    const startedMs = performance.now()
    const limit = this.#isBehind ? LARGE_BATCH : BATCH
    const { heads, until, isWaiting, reached, batch } = await this.#positions.give(channels, limit, from)
    if (batch !== undefined) this.#recentBatches.add(batch)
    const before = largest([0, ...channels.map((channel) => this.#ends.get(channel)?.until ?? 0)])
    if (until < before) await this.#resume()
    else if (until - before > RESTORED_AHEAD) this.#recentBatches = new RecentBatches()
    this.#lookedAtMs = this.#context.clock.now()
    this.#wholeDueMs = performance.now() + WHOLE_MS
    this.#start.note(from, performance.now() - startedMs, until - before, isWaiting, reached)
    const ready = [...heads].filter(([channel, head]) => head > (this.#ends.get(channel)?.head ?? -1))
    for (const [channel, head] of heads) this.#ends.set(channel, { head, until })
    const isNews = until !== this.#seen?.until
    this.#seen = { until, channels }
    if (ready.length > 0) this.#poller.stir()
    this.#reads.clear()
    this.#isBehind = isWaiting && until > before
    const isUnread = this.#isBehind && !this.#recentBatches.isRead
    return {
      ready: ready.map(([channel]) => channel),
      isNews,
      nextMs: isUnread ? UNREAD_MS : isWaiting ? CONTENDED_MS : this.#start.dueInMs,
      more: this.#isBehind && !isUnread,
    }
  }

  /** What was published since the last look has positions that readers take for read. */
  async #resume(): Promise<void> {
    const position = await this.#context.database.run(findPosition(this.#lookedAtMs - LATE_COMMIT_MS))
    this.#ends.clear()
    this.#recentBatches = new RecentBatches()
    this.#resumption = { position }
    const { logger } = this.#context.options
    logger.warn('the log was emptied or restored: its readers go on with what is new', { ...this.#resumption })
  }
}
