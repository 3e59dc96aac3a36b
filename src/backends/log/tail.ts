import type { Row } from '../../adapters/adapter.js'
import type { Parameters } from '../../statements.js'
import { sleep } from '../../wait.js'
import type { BackendContext } from '../backend.js'
import { type Findings, type Lane, Poller } from '../poller.js'
import type { Sleeper } from '../sleeper.js'

/** Most events that get their position in one statement, and where more than that are waiting. */
const BATCH = 1_000
const LARGE_BATCH = 2_000
/** How soon to look again while another process gives positions, in milliseconds. */
const CONTENDED_MS = 2
/** Most reads that are kept for others. */
const READS = 4
/** Longest to wait until everything that was committed before has its position, in milliseconds. */
const SETTLE_MS = 10_000

/** What was true of one channel at one moment. */
export interface Sight {
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
export class Tail implements AsyncDisposable {
  /** Hints end here: what is new has no position before the next look, so a hint is a reason to look, not to read. */
  readonly sleeper: Sleeper
  readonly #context: BackendContext
  readonly #poller: Poller
  readonly #sights = new Map<string, Sight>()
  readonly #standBys = new Set<() => void>()
  #isBehind = false
  readonly #reads = new Map<string, Promise<readonly Row[]>>()

  constructor(context: BackendContext) {
    this.#context = context
    this.#poller = new Poller(context, (channels) => this.#find(channels))
    const look = () => this.#poller.look()
    this.sleeper = { wake: look, look, expect: () => undefined, hurry: () => this.#poller.hurry() }
  }

  /** The last sight of a channel that is followed; `undefined` before the first. */
  sight(channel: string): Sight | undefined {
    return this.#sights.get(channel)
  }

  follow(lane: Lane): void {
    this.#poller.add(lane)
  }

  unfollow(lane: Lane): void {
    this.#poller.remove(lane)
  }

  /**
   * Rows of the log, which never change: what several subscribers of this object read after the same look is read once.
   * @see sql/postgres/statements/read_log.sql
   */
  read(place: Parameters): Promise<readonly Row[]> {
    const key = JSON.stringify(place)
    const known = this.#reads.get(key)
    if (known !== undefined) return known
    const reading = this.#context.adapter.run('read_log', place)
    reading.catch(() => this.#reads.delete(key))
    if (this.#reads.size >= READS) this.#reads.clear()
    this.#reads.set(key, reading)
    return reading
  }

  /** Calls back after each look, which a member that stepped down elsewhere may have caused. */
  standBy(onLook: () => void): Disposable {
    this.#standBys.add(onLook)
    return { [Symbol.dispose]: () => void this.#standBys.delete(onLook) }
  }

  /** Gives positions to everything that was committed before the call; returns the last. */
  async settle(): Promise<number> {
    const deadline = performance.now() + SETTLE_MS
    for (;;) {
      const { until, waiting } = await this.#advance([], LARGE_BATCH)
      if (!waiting || performance.now() > deadline) return until
      await sleep(CONTENDED_MS)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#poller[Symbol.asyncDispose]()
  }

  async #find(channels: readonly string[]): Promise<Findings> {
    const { heads, until, waiting } = await this.#advance(channels, this.#isBehind ? LARGE_BATCH : BATCH)
    const before = Math.max(0, ...channels.map((channel) => this.#sights.get(channel)?.until ?? 0))
    const ready = [...heads].filter(([channel, head]) => head > (this.#sights.get(channel)?.head ?? -1))
    for (const [channel, head] of heads) this.#sights.set(channel, { head, until })
    this.#reads.clear()
    for (const onLook of this.#standBys) onLook()
    this.#isBehind = waiting && until > before
    return {
      ready: ready.map(([channel]) => channel),
      nextMs: waiting ? CONTENDED_MS : Number.POSITIVE_INFINITY,
      more: this.#isBehind,
    }
  }

  async #advance(channels: readonly string[], limit: number) {
    const { adapter, clock } = this.#context
    // One row more than there are channels, so that there is one.
    const rows = await adapter.run('advance', { channels: ['', ...channels], limit })
    const sights = rows.filter((row) => 'log_position' in row)
    const state: Row = sights[0] ?? {}
    clock.observe(Number(state.now_ms))
    return {
      heads: new Map(sights.slice(1).map(({ channel, position }) => [String(channel), Number(position ?? 0)])),
      until: Number(state.log_position),
      // Drivers differ in what they make of a boolean.
      waiting: ['t', 'true', '1'].includes(String(state.waiting)),
    }
  }
}
