import { heldUntil } from '../../../common/lease.js'
import { smallest } from '../../../common/numbers.js'
import { ownClock } from '../../../common/own-clock.js'
import { retry } from '../../../common/retry.js'
import type { SqlContext } from '../context.js'
import { isWorthAnother, pauseMs } from '../flow/retry.js'
import { extendGroup, findCheckpoints, findGroupLeases, type Mark, writeCheckpoint } from '../verbs/group.js'
import { isExtended } from '../verbs/lease-found.js'
import type { Ends, GroupLease } from './group-lease.js'

/** What came of a write. */
export interface Written {
  /** Whether the lease is held. */
  readonly held: boolean
  /** The channels whose mark is stored: by an attempt whose answer was lost, maybe, before the lease was. */
  readonly stored: ReadonlySet<string>
}

export const NOT_WRITTEN: Written = { held: false, stored: new Set() }

/** How far a group has come, as its active member writes it; each write extends the lease, and is fenced by it. */
export class Checkpoint implements Ends {
  readonly #context: SqlContext
  readonly #lead: GroupLease
  #expiresAtMs: number
  #heldUntilMs: number

  constructor(context: SqlContext, lead: GroupLease) {
    this.#context = context
    this.#lead = lead
    this.#expiresAtMs = lead.expiresAtMs
    this.#heldUntilMs = lead.heldUntilMs
  }

  /** When the lease ends, by the database's clock. */
  get expiresAtMs(): number {
    return this.#expiresAtMs
  }

  /** Until when no other member can have the lease, by `ownClock`. */
  get heldUntilMs(): number {
    return this.#heldUntilMs
  }

  get isOver(): boolean {
    return ownClock.now() >= this.#heldUntilMs
  }

  /**
   * Is tried again while it may come through.
   * @param marks per channel the last position that is settled, with everything before it
   * @param isGivenUp whether the lease was given up meanwhile: then it is only asked what earlier attempts have stored
   */
  async write(marks: Iterable<readonly [string, number]>, leaseMs: number, isGivenUp: () => boolean): Promise<Written> {
    const all = Array.from(marks, ([channel, position]) => ({ channel, position }))
    return this.settle((attempt) =>
      attempt > 1 && isGivenUp() ? this.#findStored(all) : this.#writeOnce(all, leaseMs),
    )
  }

  /** Does what settles events under this lease, again while it may come through. */
  settle<Result>(work: (attempt: number) => Promise<Result>): Promise<Result> {
    return retry({ isWorthAnother: (error, n) => isWorthAnother(error, n, !this.isOver), pauseMs }, work)
  }

  /**
   * Extends the lease of some channels, unless somebody's transaction has locked their rows: then this is asked again soon.
   * @returns which channels were not extended, and whether they are held all the same
   */
  async extend(channels: readonly string[], withinMs: number): Promise<{ held: boolean; isWhole: boolean }> {
    const { leaseMs } = this.#lead
    const askedMs = ownClock.now()
    await this.#context.database.run(extendGroup(channels, this.#lead, leaseMs), withinMs)
    const found = await this.#context.database.run(findGroupLeases(channels, this.#lead), withinMs)
    if (found.length < channels.length) return { held: false, isWhole: false }
    const expiresAtMs = smallest(found.map((lease) => lease.expiresAtMs))
    this.#note(expiresAtMs, askedMs, Math.min(leaseMs, smallest(found.map(({ leftMs }) => leftMs))))
    return { held: true, isWhole: found.every((each) => isExtended(each, askedMs, leaseMs)) }
  }

  async #writeOnce(marks: readonly Mark[], leaseMs: number): Promise<Written> {
    const askedMs = ownClock.now()
    const { channels, expiresAtMs } = await this.#context.database.run(writeCheckpoint(marks, this.#lead, leaseMs))
    if (channels.size < marks.length) return this.#findStored(marks)
    this.#note(expiresAtMs, askedMs, leaseMs)
    return { held: true, stored: channels }
  }

  async #findStored(marks: readonly Mark[]): Promise<Written> {
    return { held: false, stored: await this.#context.database.run(findCheckpoints(marks, this.#lead)) }
  }

  #note(expiresAtMs: number, askedMs: number, leaseMs: number): void {
    this.#expiresAtMs = Math.max(this.#expiresAtMs, expiresAtMs)
    this.#heldUntilMs = Math.max(this.#heldUntilMs, heldUntil(askedMs, leaseMs))
  }
}
