import { heldUntil } from '../../../common/lease.js'
import { smallest } from '../../../common/numbers.js'
import { ownClock } from '../../../common/own-clock.js'
import { sleep } from '../../../common/wait.js'
import type { SqlContext } from '../context.js'
import type { Row } from '../database.js'
import { isExtended, toLeaseFound } from '../flow/lease-found.js'
import { isWorthAnother, pauseMs } from '../flow/retry.js'
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
    const checkpoints = Array.from(marks, ([channel, position]) => ({ channel, position }))
    for (let attempt = 1; ; attempt++) {
      try {
        const isTooLate = attempt > 1 && isGivenUp()
        return isTooLate ? await this.#findStored(checkpoints) : await this.#writeOnce(checkpoints, leaseMs)
      } catch (error) {
        if (!isWorthAnother(error, attempt, !this.isOver)) throw error
        await sleep(pauseMs(attempt))
      }
    }
  }

  /**
   * Extends the lease of some channels, unless somebody's transaction has locked their rows: then this is asked again soon.
   * @returns which channels were not extended, and whether they are held all the same
   */
  async extend(channels: readonly string[], withinMs: number): Promise<{ held: boolean; isWhole: boolean }> {
    const { leaseMs } = this.#lead
    const parameters = { channels, ...this.#address, lease_ms: leaseMs }
    const askedMs = ownClock.now()
    await this.#context.database.run('extend_group', parameters, withinMs)
    const rows = await this.#context.database.run('find_group_lease', parameters, withinMs)
    const found = rows.map(toLeaseFound)
    if (found.length < channels.length) return { held: false, isWhole: false }
    this.#note(rows, askedMs, Math.min(leaseMs, smallest(found.map(({ leftMs }) => leftMs))))
    return { held: true, isWhole: found.every((each) => isExtended(each, askedMs, leaseMs)) }
  }

  get #address() {
    return { consumer_group: this.#lead.group, lease_token: this.#lead.token }
  }

  async #writeOnce(checkpoints: readonly Row[], leaseMs: number): Promise<Written> {
    const parameters = { checkpoints, ...this.#address, lease_ms: leaseMs }
    const askedMs = ownClock.now()
    const rows = await this.#context.database.run('checkpoint', parameters)
    if (rows.length < checkpoints.length) return this.#findStored(checkpoints)
    this.#note(rows, askedMs, leaseMs)
    return { held: true, stored: channelsOf(rows) }
  }

  async #findStored(checkpoints: readonly Row[]): Promise<Written> {
    const rows = await this.#context.database.run('find_checkpoint', { checkpoints, ...this.#address })
    return { held: false, stored: channelsOf(rows) }
  }

  #note(rows: readonly Row[], askedMs: number, leaseMs: number): void {
    this.#expiresAtMs = Math.max(this.#expiresAtMs, smallest(rows.map((row) => Number(row.lease_expires_at_ms))))
    this.#heldUntilMs = Math.max(this.#heldUntilMs, heldUntil(askedMs, leaseMs))
  }
}

function channelsOf(rows: readonly Row[]): ReadonlySet<string> {
  return new Set(rows.map((row) => String(row.channel)))
}
