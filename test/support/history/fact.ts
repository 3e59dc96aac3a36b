/** Something that happened, told by the process that it happened to, or by the test about a process. */
export type Fact = Stamp & Happening

interface Stamp {
  /** Epoch milliseconds, by a clock that a moved `Date` does not move. */
  readonly at: number
  /**
   * Whom it happened to: a process (`w1`), one of several channel objects in it (`w1/3`), or everybody (`*`). What
   * happens to a process happens to all that is in it.
   */
  readonly actor: string
}

/** Where an event was found when a run was over. */
export type Stage = 'queue' | 'scheduled' | 'acked' | 'discarded' | 'dead'

/**
 * `event` is a name that the publisher chose and that travels in the payload, since an id is known only once a publish
 * has resolved. An event that was not settled when its holder closed counts as released.
 */
export type Happening =
  // What publishers did and were told.
  | { type: 'publishing'; event: string; priority: number; notBefore?: number }
  | { type: 'published'; event: string; id: string }
  | { type: 'rejected'; event: string; definite: boolean; error: string }
  | { type: 'rolledBack'; event: string }
  // What consumers got and were told. `acking` and `nacking` come before the answer, for those who
  // die in between.
  | { type: 'delivered'; event: string; id: string; attempts: number; leaseEndsAt: number | null }
  | { type: 'acking'; event: string; attempts: number }
  | { type: 'acked'; event: string; attempts: number; held: boolean }
  | { type: 'nacking'; event: string; attempts: number; delayMs: number }
  | { type: 'nacked'; event: string; attempts: number; held: boolean; delayMs: number }
  | { type: 'unsettled'; event: string; attempts: number; error: string }
  // Certain: the database said that another has it; else the holder's own clock said that another may.
  | { type: 'lost'; event: string; attempts: number; certain: boolean }
  // What became of processes. Hindered: could not reach the database, or did not run, in the `ms` before `at`.
  | { type: 'closing' }
  | { type: 'closed' }
  | { type: 'hindered'; why: string; ms: number }
  | { type: 'died' }
  | { type: 'unhandled'; error: string }
  | { type: 'counted'; counters: Readonly<Record<string, number>> }
  // What the tables held when all was over; `accounted` says that they were read whole.
  | { type: 'found'; event: string; id: string; stage: Stage; attempts: number }
  | { type: 'accounted' }

/** A fact of one type. */
export type FactOf<Type extends Fact['type']> = Extract<Fact, { type: Type }>

/** Epoch milliseconds by the monotonic clock: what moves `Date` does not move it. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now()
}
