import type { Lease } from '../../../common/lease.js'
import type { Leader, LeasedCheckpoint } from '../verbs/group.js'

/** What a member leased when it began to read for its group. */
export interface GroupLease extends Leader {
  readonly leaseMs: number
  readonly expiresAtMs: number
  /** Until when no other member can have it, by `ownClock`. */
  readonly heldUntilMs: number
  readonly checkpoints: readonly LeasedCheckpoint[]
}

/** How long a lease lasts, by the database's clock and by our own. */
export type Ends = Pick<Lease, 'expiresAtMs' | 'heldUntilMs'>

/** What a delivery has of its member's lease: the end moves for all of them at once. */
export class CheckpointLease implements Lease {
  readonly token: string
  readonly leaseMs: number
  readonly #ends: Ends
  lapsed = false
  lost = false
  isLeft = false
  holder: Lease['holder']

  constructor({ token, leaseMs }: GroupLease, ends: Ends) {
    this.token = token
    this.leaseMs = leaseMs
    this.#ends = ends
  }

  get expiresAtMs(): number {
    return this.#ends.expiresAtMs
  }

  get heldUntilMs(): number {
    return this.#ends.heldUntilMs
  }
}
