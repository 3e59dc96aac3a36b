import { smallest } from '../../../common/numbers.js'
import type { Entry } from '../verbs/entry.js'
import { LATE_MS, type Missed } from './missed.js'
import type { Sequencer } from './sequencer.js'
import type { Reading } from './shared-reads.js'

/** A place in one channel, and what was read beyond it. */
interface Lane {
  readonly channel: string
  entries: readonly Entry[]
  /** The first of them that was not handed out. */
  next: number
  /** Everything up to here was read. */
  readTo: number
  /** What comes after that, asked for while the entries are handled. */
  ahead: Promise<Reading> | undefined
  /** When it was read to there, by the monotonic clock. */
  readAtMs: number
}

/** Reading claims nothing, so it runs ahead of the consumer: by this number of events, or of bytes of payload in one channel. */
const AHEAD = 1_000
const AHEAD_BYTES = 2 ** 20

/**
 * Reads some channels from a place on, in the order of positions across all of them. Reads no further than every channel
 * has been seen, since another may have an earlier event there.
 */
export class Reader {
  readonly #sequencer: Sequencer
  readonly #group: string
  readonly #lanes: readonly Lane[]
  readonly #missed: Missed
  /** Where it begins, until it does. */
  #starting: ReadonlyMap<string, number> | undefined
  #resumption: Sequencer['resumption']
  /** The size of the largest payload that was read last. */
  #payloadBytes = AHEAD_BYTES / 100

  /** @param group whose events to read besides everybody's; empty for none */
  constructor(sequencer: Sequencer, places: ReadonlyMap<string, number>, group: string, missed: Missed) {
    this.#sequencer = sequencer
    this.#missed = missed
    this.#starting = places
    this.#group = group
    this.#resumption = sequencer.resumption
    this.#lanes = [...places].map(([channel, readTo]) => ({
      channel,
      entries: [],
      next: 0,
      readTo,
      ahead: undefined,
      readAtMs: performance.now(),
    }))
  }

  /** The next events, at most `limit`; none when there are none yet. */
  async next(limit: number): Promise<readonly Entry[]> {
    this.#resume()
    if (this.#starting !== undefined) await this.#missed.checkStart(this.#starting)
    this.#starting = undefined
    const until = smallest(this.#lanes.map(({ channel }) => this.#sequencer.endOf(channel)?.until ?? 0))
    const empty = this.#lanes.filter((lane) => lane.next === lane.entries.length && lane.readTo < until)
    // All of them, also where one fails: the next call would fill a lane that is being filled.
    const filled = await Promise.allSettled(empty.map((lane) => this.#fill(lane, until)))
    for (const filling of filled) if (filling.status === 'rejected') throw filling.reason
    const entries: Entry[] = []
    for (let entry = this.#shift(); entry !== undefined; entry = this.#shift()) {
      entries.push(entry)
      if (entries.length === limit) break
    }
    return entries
  }

  /** The log was emptied or restored. A group has its place in the database. */
  #resume(): void {
    const { resumption } = this.#sequencer
    if (resumption === this.#resumption || resumption === undefined) return
    this.#resumption = resumption
    if (this.#group !== '') return
    for (const lane of this.#lanes) {
      const readTo = Math.min(lane.readTo, resumption.position)
      Object.assign(lane, { entries: [], next: 0, readTo, ahead: undefined } satisfies Partial<Lane>)
    }
  }

  /** Until there is something, or nothing up to `until`. */
  async #fill(lane: Lane, until: number): Promise<void> {
    lane.entries = []
    lane.next = 0
    while (lane.entries.length === 0 && lane.readTo < until) {
      const reading = lane.ahead ?? this.#read(lane, until)
      lane.ahead = undefined
      const { entries, to } = await reading
      lane.entries = entries
      lane.readTo = to
      lane.readAtMs = performance.now()
    }
    if (lane.entries.length === 0) return
    this.#payloadBytes = lane.entries.reduce((most, { payload }) => Math.max(most, payload.length), 1)
    if (lane.readTo < until) this.#readAhead(lane, until)
  }

  /** One that fails is asked for again when it is wanted. */
  #readAhead(lane: Lane, until: number): void {
    const reading = this.#read(lane, until)
    lane.ahead = reading
    reading.catch(() => {
      if (lane.ahead === reading) lane.ahead = undefined
    })
  }

  async #read({ channel, readTo: after, readAtMs }: Lane, until: number): Promise<Reading> {
    const isLate = performance.now() - readAtMs > LATE_MS
    if ((this.#sequencer.endOf(channel)?.head ?? 0) <= after) {
      if (isLate) await this.#missed.checkRead(channel, after, undefined)
      return { entries: [], to: until }
    }
    const limit = Math.max(1, Math.min(AHEAD, Math.floor(AHEAD_BYTES / this.#payloadBytes)))
    const reading = await this.#sequencer.read({ channel, group: this.#group, after, until, limit })
    const [first] = reading.entries
    const isOld = first === undefined || this.#sequencer.nowMs - first.createdAtMs > LATE_MS
    if (isLate || isOld) await this.#missed.checkRead(channel, after, first?.position)
    return reading
  }

  /** The first of all lanes, unless one that has to be read on may have an earlier one. */
  #shift(): Entry | undefined {
    let first: Lane | undefined
    let position = Number.POSITIVE_INFINITY
    for (const lane of this.#lanes) {
      const entry = lane.entries[lane.next]
      if (entry === undefined || entry.position >= position) continue
      first = lane
      position = entry.position
    }
    if (first === undefined) return undefined
    const isKnown = this.#lanes.every(({ entries, next, readTo }) => next < entries.length || readTo >= position)
    return isKnown ? first.entries[first.next++] : undefined
  }
}
