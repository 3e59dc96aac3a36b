import type { GroupLease } from './group-lease.js'

/** Events delivered one by one after a reader has died: as many as it may have had in hand, mostly. */
const ALONE = 100

/** The events near which earlier readers of the group have died: one of them may be what kills its consumers. */
export class Suspects {
  /** Per channel how many readers have died at the event that comes next. */
  readonly #deaths: Map<string, number>
  #alone: number

  constructor(checkpoints: GroupLease['checkpoints']) {
    const deadly = checkpoints.filter(({ attempts }) => attempts > 0)
    this.#deaths = new Map(deadly.map(({ channel, attempts }) => [channel, attempts]))
    this.#alone = this.#deaths.size > 0 ? ALONE : 0
  }

  /** Whether events are delivered alone, so that it is known which it was if a reader dies again. */
  get areNear(): boolean {
    return this.#alone > 0
  }

  /** How many readers died at the next event of a channel. */
  deathsAt(channel: string): number {
    return this.#deaths.get(channel) ?? 0
  }

  /** So many events of a channel are settled. */
  pass(channel: string, events: number): void {
    this.#deaths.delete(channel)
    this.#alone = Math.max(0, this.#alone - events)
  }
}
