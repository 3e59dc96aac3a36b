import { answerTogether, type Call } from '../common/calls.js'
import { Background, type Deferred, defer } from '../common/wait.js'
import type { Draft, EventId } from '../event.js'

/** Most events in one flush, unless a single call brings more. */
const FLUSH_LIMIT = 1_000
/** Most bytes in one flush of more than one call: a driver that answers in the same tick lets nothing else run meanwhile. */
const FLUSH_BYTES = 2 ** 20

/** What one call publishes: one event, or several, all or none; and their ids. */
type Publication = Draft | readonly Draft[]
type Ids = EventId | readonly EventId[]

/** A call in the line. */
interface Place extends Call<Publication, Ids> {
  readonly size: number
  readonly bytes: number
  readonly channels: ReadonlySet<string> | undefined
  /** Where it stands in the order of all calls. */
  readonly number: number
  /** `held`: it keeps its place, and what comes after it on its channels waits behind it. `gone`: it was rejected. */
  state: 'ready' | 'held' | 'gone'
}

/** One flush at a time. */
interface Lane {
  /** Whether it is for calls that bring too many events to travel with others. */
  readonly isWide: boolean
  readonly flights: Background
  batch: readonly Place[]
  /** The channels on which nothing could leave when the lane last looked and stopped. */
  blocked: ReadonlySet<string>
}

const NOTHING: ReadonlySet<string> = new Set()

/**
 * The calls of one object on their way into the database. Those on one channel are stored in their order; what gathers
 * during one round trip is stored together in the next. A call of more events than that takes has a lane of its own, so
 * that other channels do not wait for it.
 */
export class Line {
  readonly #store: (events: readonly Draft[]) => Promise<readonly EventId[]>
  readonly #narrow: Lane = { isWide: false, flights: new Background(), batch: [], blocked: NOTHING }
  readonly #wide: Lane = { isWide: true, flights: new Background(), batch: [], blocked: NOTHING }
  #waiting: Place[] = []
  #calls = 0
  /** Of those that wait, how many bring several events or are not ready: while there are none, the first thousand leave. */
  #special = 0
  #idle: Deferred<void> | undefined

  /** @param store stores events, all or none; ids in their order */
  constructor(store: (events: readonly Draft[]) => Promise<readonly EventId[]>) {
    this.#store = store
  }

  /**
   * Takes its place at once.
   * @param hold what must come about before it leaves; when that fails, so does the call
   */
  add(event: Draft, hold?: Promise<unknown>): Promise<EventId> {
    return this.#enter({ item: event, size: 1, bytes: bytesOf(event), channels: undefined }, hold) as Promise<EventId>
  }

  /** The same for several events, all or none. */
  addMany(events: readonly Draft[], hold?: Promise<unknown>): Promise<readonly EventId[]> {
    const channels = new Set(events.map(({ channel }) => channel))
    const bytes = events.reduce((sum, event) => sum + bytesOf(event), 0)
    return this.#enter({ item: events, size: events.length, bytes, channels }, hold) as Promise<readonly EventId[]>
  }

  /** Resolves when nothing is waiting or in flight. */
  idle(): Promise<void> {
    this.#idle ??= defer()
    const { promise } = this.#idle
    this.#checkIdle()
    return promise
  }

  /** Nothing more leaves; what waits is rejected. */
  abandon(error: unknown): void {
    for (const place of this.#waiting.splice(0)) {
      place.state = 'gone'
      place.reject(error)
    }
    this.#special = 0
    this.#checkIdle()
  }

  #enter(what: Pick<Place, 'item' | 'size' | 'bytes' | 'channels'>, hold: Promise<unknown> | undefined): Promise<Ids> {
    return new Promise((resolve, reject) => {
      const { item, size, bytes, channels } = what
      const state = hold === undefined ? 'ready' : 'held'
      const place: Place = { item, size, bytes, channels, number: ++this.#calls, state, resolve, reject }
      this.#waiting.push(place)
      if (isSpecial(place)) this.#special++
      if (hold !== undefined) this.#hold(place, hold)
      else if (!isAmong(place, this.#laneOf(place).blocked)) this.#start(this.#laneOf(place))
    })
  }

  #hold(place: Place, hold: Promise<unknown>): void {
    const onReady = () => {
      if (place.state !== 'held') return
      place.state = 'ready'
      if (!isSpecial(place)) this.#special--
      this.#startAll()
    }
    hold.then(onReady, (error: unknown) => this.#reject([place], error))
  }

  #laneOf({ size }: Place): Lane {
    return size > FLUSH_LIMIT ? this.#wide : this.#narrow
  }

  #startAll(): void {
    this.#start(this.#narrow)
    this.#start(this.#wide)
  }

  #start(lane: Lane): void {
    if (lane.flights.running > 0 || this.#waiting.length === 0) return
    lane.flights.begin()
    void this.#serve(lane)
  }

  async #serve(lane: Lane): Promise<void> {
    // Lets the callers of this very tick join the first flush.
    await Promise.resolve()
    for (lane.batch = this.#next(lane); lane.batch.length > 0; lane.batch = this.#next(lane)) {
      await this.#send(lane)
      lane.batch = []
      // Nothing may be left to look again, where what waited behind it was rejected with it.
      for (const each of [this.#narrow, this.#wide]) each.blocked = NOTHING
      // What waited for this flight, in the other lane.
      if (this.#special > 0 || lane.isWide) this.#startAll()
    }
    // In this very turn: a call that comes after the last look must find nothing running.
    lane.flights.end()
    this.#checkIdle()
  }

  async #send({ batch }: Lane): Promise<void> {
    const last = this.#calls
    try {
      await answerTogether(batch, (publications) => this.#flush(publications))
    } catch (error) {
      for (const { reject } of batch) reject(error)
      // What waited for as long as this was tried is not tried once more: a long line would wait for minutes.
      this.#reject(
        this.#waiting.filter(({ number, state }) => number <= last && state === 'ready'),
        error,
      )
    }
  }

  async #flush(publications: readonly Publication[]): Promise<readonly Ids[]> {
    if (publications.every(isLone)) return this.#store(publications)
    const ids = await this.#store(publications.flat())
    let from = 0
    return publications.map((publication) => {
      const to = from + (isLone(publication) ? 1 : publication.length)
      const own = ids.slice(from, to)
      from = to
      return isLone(publication) ? (own[0] as EventId) : own
    })
  }

  /** Takes what leaves next out of the line; none while nothing can. */
  #next(lane: Lane): readonly Place[] {
    if (this.#special > 0 || this.#wide.batch.length > 0) return this.#pick(lane)
    return lane.isWide ? [] : this.#waiting.splice(0, this.#fitting())
  }

  /** How many of those that wait leave together: at least one. */
  #fitting(): number {
    const most = Math.min(FLUSH_LIMIT, this.#waiting.length)
    let bytes = 0
    for (let count = 0; count < most; count++) {
      bytes += this.#waiting[count]?.bytes ?? 0
      if (bytes > FLUSH_BYTES) return Math.max(1, count)
    }
    return most
  }

  /** Passes over what cannot leave yet, and all that comes after it on its channels. */
  #pick(lane: Lane): readonly Place[] {
    const other = lane.isWide ? this.#narrow : this.#wide
    const blocked = new Set(other.batch.flatMap(channelsOf))
    const picked: Place[] = []
    const left: Place[] = []
    let room = lane.isWide ? 1 : FLUSH_LIMIT
    let bytes = 0
    for (const place of this.#waiting) {
      const takes = lane.isWide ? 1 : place.size
      const fits = takes <= room && (bytes === 0 || bytes + place.bytes <= FLUSH_BYTES)
      if (place.state === 'gone') {
        this.#special--
      } else if (!fits || place.state === 'held' || this.#laneOf(place) !== lane || isAmong(place, blocked)) {
        if (room > 0) for (const channel of channelsOf(place)) blocked.add(channel)
        left.push(place)
      } else {
        picked.push(place)
        room -= takes
        bytes += place.bytes
        if (isSpecial(place)) this.#special--
      }
    }
    this.#waiting = left
    lane.blocked = picked.length === 0 ? blocked : NOTHING
    return picked
  }

  #reject(places: readonly Place[], error: unknown): void {
    for (const place of places) {
      if (place.state === 'gone') continue
      if (!isSpecial(place)) this.#special++
      place.state = 'gone'
      place.reject(error)
    }
    this.#startAll()
  }

  #checkIdle(): void {
    if (this.#waiting.length > 0 || this.#narrow.flights.running + this.#wide.flights.running > 0) return
    this.#idle?.resolve()
    this.#idle = undefined
  }
}

function isLone(publication: Publication): publication is Draft {
  return !Array.isArray(publication)
}

function bytesOf({ payload, metadata }: Draft): number {
  return payload.length + (metadata?.length ?? 0)
}

function isSpecial({ size, state }: Place): boolean {
  return size > 1 || state !== 'ready'
}

function channelsOf({ item, channels }: Place): readonly string[] {
  return isLone(item) ? [item.channel] : [...(channels ?? [])]
}

function isAmong(place: Place, channels: ReadonlySet<string>): boolean {
  return channels.size > 0 && channelsOf(place).some((channel) => channels.has(channel))
}
