import { FIRST_ID } from '../../../common/clock.js'
import { RowcastError } from '../../../common/errors.js'
import { largest } from '../../../common/numbers.js'
import { sleep } from '../../../common/wait.js'
import type { SqlContext } from '../context.js'
import type { Row, SqlDatabase } from '../database.js'
import { type Findings, type Lane, NOTHING, Poller } from '../flow/poller.js'
import type { Sleeper } from '../flow/sleeper.js'
import type { Parameters } from '../statements.js'
import { type Entry, type Reading, toEntries } from './entry.js'
import type { LogHead } from './log-head.js'
import { RecentBatches } from './recent-batches.js'
import { type Place, SharedReads } from './shared-reads.js'
import { Start } from './start.js'

/** Most events that get their position in one statement, and where more than that are waiting. */
const BATCH = 1_000
const LARGE_BATCH = 4_000
/**
 * Most bytes of events that come back along with their positions. The lock of the log is held until they have been sent: to
 * a process that stands still, no more may be sent than the connection holds.
 */
export const MOST_BYTES = 2 ** 15
/** How long to wait for this object's own readers before more events get their position, in milliseconds. */
const UNREAD_MS = 20
/** How soon to look again while another process gives positions, in milliseconds. */
const CONTENDED_MS = 2
/** Longest to wait until everything that was committed before has its position, in milliseconds. */
const SETTLE_MS = 10_000
/** How often a look is a whole one, in milliseconds: a probe does not notice that a table is gone. */
const WHOLE_MS = 3_000

/** An event committed now may have been published so much earlier, in milliseconds. */
const LATE_COMMIT_MS = 5_000

/** A log that has moved on by so much was emptied: its last position was restored far ahead. @see sql/postgres/statements/restore_head.1-behind.sql */
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
 * @see sql/postgres/statements/advance.sql
 */
export class Sequencer implements AsyncDisposable {
  /** Hints end here: what is new has no position before the next look, so a hint is a reason to look, not to read. */
  readonly sleeper: Sleeper
  readonly #context: SqlContext
  readonly #poller: Poller
  readonly #sights = new Map<string, ChannelEnd>()
  /** The last position that was given, and the channels that were asked about, at the last look. */
  #seen: { readonly until: number; readonly channels: readonly string[] } | undefined
  readonly #standBys = new Set<() => void>()
  #isBehind = false
  readonly #reads: SharedReads
  #recentBatches = new RecentBatches()
  readonly #start: Start
  readonly #head: LogHead
  #lookedAtMs = 0
  #wholeDueMs = Number.NEGATIVE_INFINITY
  #resumption: Resumption | undefined

  constructor(context: SqlContext, head: LogHead) {
    this.#context = context
    this.#head = head
    this.#reads = new SharedReads(context)
    this.#start = new Start(context.clock)
    this.#poller = new Poller(context, {
      look: (channels, isRoutine) => this.#look(channels, isRoutine),
      probe: (_, ask) => this.#probe(ask),
      poll: () => ({
        verb: 'long_poll_log',
        parameters: { from_id: this.#start.next(), log_position: this.#seen?.until ?? -1 },
      }),
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

  /** The last sight of a channel that is followed; `undefined` before the first. */
  sight(channel: string): ChannelEnd | undefined {
    return this.#sights.get(channel)
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

  /** Gives positions to everything that was committed before the call, if time allows; returns the last. */
  async settle(withinMs = SETTLE_MS): Promise<number> {
    const deadline = performance.now() + withinMs
    for (;;) {
      const { until, isSettled } = await this.#advance([], LARGE_BATCH, FIRST_ID)
      if (isSettled || performance.now() > deadline) return until
      await sleep(CONTENDED_MS)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#poller[Symbol.asyncDispose]()
  }

  /** Most of those that are made as a matter of routine are but a probe, which finds nothing. */
  async #look(channels: readonly string[], isRoutine: boolean): Promise<Findings> {
    const seen = this.#seen?.channels ?? []
    const isSame = seen.length === channels.length && channels.every((channel, i) => channel === seen[i])
    const isSeen = isRoutine && isSame && performance.now() < this.#wholeDueMs
    const ask: SqlDatabase['run'] = (verb, parameters) => this.#context.database.run(verb, parameters)
    const findings = await (isSeen ? this.#probe(ask) : this.#find(channels))
    for (const onLook of this.#standBys) onLook()
    return findings
  }

  /**
   * Looks only where something waits for its position or has got one since the last look: one read, whatever the number of
   * channels. What members stand by for does not show here.
   * @see sql/postgres/statements/probe_log.sql
   */
  async #probe(ask: SqlDatabase['run']): Promise<Findings> {
    const from = this.#start.next()
    const startedMs = performance.now()
    const [row] = await ask('probe_log', { from_id: from })
    const isIdle = !isTrue(row?.waiting) && Number(row?.log_position) === this.#seen?.until
    // From the same start: what the probe took, over a connection that had to be made, says nothing of the look.
    if (!isIdle) return this.#find(this.#seen?.channels ?? [], from)
    this.#start.note(from, performance.now() - startedMs, 0, false, undefined)
    return { ...NOTHING, nextMs: this.#start.dueInMs }
  }

  /** Gives positions, one pass ahead of this object's own readers. */
  async #find(channels: readonly string[], from = this.#start.next()): Promise<Findings> {
    const startedMs = performance.now()
    const { heads, until, waiting, reached } = await this.#advance(channels, this.#isBehind ? LARGE_BATCH : BATCH, from)
    const before = largest([0, ...channels.map((channel) => this.#sights.get(channel)?.until ?? 0)])
    if (until < before) await this.#resume()
    else if (until - before > RESTORED_AHEAD) this.#recentBatches = new RecentBatches()
    this.#lookedAtMs = this.#context.clock.now()
    this.#wholeDueMs = performance.now() + WHOLE_MS
    this.#start.note(from, performance.now() - startedMs, until - before, waiting, reached)
    const ready = [...heads].filter(([channel, head]) => head > (this.#sights.get(channel)?.head ?? -1))
    for (const [channel, head] of heads) this.#sights.set(channel, { head, until })
    const isNews = until !== this.#seen?.until
    this.#seen = { until, channels }
    if (ready.length > 0) this.#poller.stir()
    this.#reads.clear()
    this.#isBehind = waiting && until > before
    const isUnread = this.#isBehind && !this.#recentBatches.isRead
    return {
      ready: ready.map(([channel]) => channel),
      isNews,
      nextMs: isUnread ? UNREAD_MS : waiting ? CONTENDED_MS : this.#start.dueInMs,
      more: this.#isBehind && !isUnread,
    }
  }

  /** What was published since the last look has positions that readers take for read. */
  async #resume(): Promise<void> {
    const before_ms = this.#lookedAtMs - LATE_COMMIT_MS
    const [row] = await this.#context.database.run('find_position', { before_ms })
    this.#sights.clear()
    this.#recentBatches = new RecentBatches()
    this.#resumption = { position: Number(row?.position ?? 0) }
    const { logger } = this.#context.options
    logger.warn('the log was emptied or restored: its readers go on with what is new', { ...this.#resumption })
  }

  async #advance(channels: readonly string[], limit: number, from: string) {
    const { clock } = this.#context
    // One row more than there are channels, so that there is one.
    const most_bytes = channels.length === 0 ? 0 : MOST_BYTES
    const parameters = { channels: ['', ...channels], limit, from_id: from, most_bytes }
    const rows = await this.#giving(parameters)
    const sights = rows.filter(hasHead)
    const state: Row = sights[0] ?? {}
    clock.observe(Number(state.now_ms))
    if (state.shown_to !== undefined && state.shown_to !== null) this.#keep(channels, state, rows)
    const until = Number(state.log_position)
    const waiting = isTrue(state.waiting)
    const before = rows.map(({ last_position }) => last_position).find((position) => position !== undefined)
    return {
      heads: new Map(sights.slice(1).map(({ channel, position }) => [String(channel), Number(position ?? 0)])),
      until,
      waiting,
      // Where a look says from which position it went on, what it left room for was committed while it was under way.
      isSettled: !waiting || (before !== undefined && until - Number(before) < limit),
      reached: rows.map(({ reached }) => reached).findLast((id) => typeof id === 'string'),
    }
  }

  async #giving(parameters: Parameters): Promise<readonly Row[]> {
    const advance = () => this.#context.database.run('advance', parameters)
    const rows = await this.#head.giving(advance)
    if (rows.some(hasHead)) return rows
    await this.#head.restore()
    const again = await advance()
    if (again.some(hasHead)) return again
    throw new RowcastError('DATABASE', 'the log has no last position (table log_head), and none could be restored')
  }

  /** Keeps what came back along with its positions. */
  #keep(channels: readonly string[], state: Row, rows: readonly Row[]): void {
    const shown = (channel: string) => rows.filter((row) => row.log_position === null && row.channel === channel)
    const entries = new Map<string, readonly Entry[]>(
      channels.map((channel) => [channel, this.#toEntries(shown(channel), channel)]),
    )
    this.#recentBatches.add({ from: Number(state.shown_from), to: Number(state.shown_to), entries })
  }

  #toEntries(rows: readonly Row[], channel: string): readonly Entry[] {
    return toEntries(rows, channel, this.#context.options.maxAttempts)
  }
}

function hasHead(row: Row): boolean {
  return 'log_position' in row && row.log_position !== null
}

/** Drivers differ in what they make of a boolean. */
function isTrue(value: unknown): boolean {
  return ['t', 'true', '1'].includes(String(value))
}
