import type { Row } from '../../adapters/adapter.js'
import type { BackendContext } from '../backend.js'
import { retryOnBreak } from '../retry.js'
import type { Lead } from './lead.js'

/** How often a group's member writes over connections that break: about as long as a usual lease. */
export const ATTEMPTS = 20

/** What came of a write. */
export interface Written {
  /** Whether the lease is held. */
  readonly held: boolean
  /** The channels whose mark is stored: by an attempt whose answer was lost, maybe, before the lease was. */
  readonly stored: ReadonlySet<string>
}

export const NOT_WRITTEN: Written = { held: false, stored: new Set() }

/** How far a group has come, as its active member writes it; each write extends the lease, and is fenced by it. */
export class Checkpoint {
  readonly #context: BackendContext
  readonly #lead: Lead
  #expiresAtMs: number

  constructor(context: BackendContext, lead: Lead) {
    this.#context = context
    this.#lead = lead
    this.#expiresAtMs = lead.expiresAtMs
  }

  /** When the lease ends. */
  get expiresAtMs(): number {
    return this.#expiresAtMs
  }

  /** @param marks per channel the last position that is settled, with everything before it */
  async write(marks: Iterable<readonly [string, number]>, leaseMs: number): Promise<Written> {
    const checkpoints = Array.from(marks, ([channel, position]) => ({ channel, position }))
    const parameters = { checkpoints, consumer_group: this.#lead.group, lease_token: this.#lead.token }
    const run = (verb: string) =>
      retryOnBreak(ATTEMPTS, () => this.#context.adapter.run(verb, { ...parameters, lease_ms: leaseMs }))
    const rows = await run('checkpoint')
    if (rows.length < checkpoints.length) return { held: false, stored: channelsOf(await run('find_checkpoint')) }
    this.#expiresAtMs = Math.min(...rows.map((row) => Number(row.lease_expires_at_ms)))
    return { held: true, stored: channelsOf(rows) }
  }
}

function channelsOf(rows: readonly Row[]): ReadonlySet<string> {
  return new Set(rows.map((row) => String(row.channel)))
}
