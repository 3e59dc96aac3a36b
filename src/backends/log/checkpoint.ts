import type { BackendContext } from '../backend.js'
import { retryOnBreak } from '../retry.js'
import type { Lead } from './lead.js'

/** How often a group's member writes over connections that break: about as long as a usual lease. */
export const ATTEMPTS = 20

/** What came of a write. */
export interface Written {
  /** Whether the lease is held. */
  readonly held: boolean
  /** Whether the marks are stored: by an attempt whose answer was lost, maybe, before the lease was. */
  readonly stored: boolean
}

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
    const held = rows.length === checkpoints.length
    if (held) this.#expiresAtMs = Math.min(...rows.map((row) => Number(row.lease_expires_at_ms)))
    return { held, stored: held || (await run('find_checkpoint')).length === checkpoints.length }
  }
}
