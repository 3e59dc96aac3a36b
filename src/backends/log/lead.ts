import type { Lease } from '../../event.js'

/** What a member leased when it began to read for its group. */
export interface Lead {
  readonly group: string
  readonly token: string
  readonly leaseMs: number
  readonly expiresAtMs: number
  /** Per channel the checkpoint, and how many readers have died at the event that comes next. */
  readonly checkpoints: readonly { readonly channel: string; readonly position: number; readonly attempts: number }[]
}

/** What a delivery has of its member's lease: the end moves for all of them at once. */
export class Hold implements Lease {
  readonly token: string
  readonly leaseMs: number
  readonly #expiresAtMs: () => number
  lost = false
  holder: Lease['holder']

  constructor({ token, leaseMs }: Lead, expiresAtMs: () => number) {
    this.token = token
    this.leaseMs = leaseMs
    this.#expiresAtMs = expiresAtMs
  }

  get expiresAtMs(): number {
    return this.#expiresAtMs()
  }
}
