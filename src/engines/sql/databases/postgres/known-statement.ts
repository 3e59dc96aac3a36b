import { createHash } from 'node:crypto'
import type { Statement } from '../../statements.js'
import type { QueryConfig } from './driver.js'

/** Every column arrives as text: a user's pool may have type parsers of its own. */
export const TEXT_ONLY = { getTypeParser: () => (text: string) => text }
/**
 * A prepared statement that twice in a row takes longer than this is planned each time for a while after, in milliseconds.
 * Postgres keeps a plan that it made while a table was nearly empty, and reads all of it with that plan once it is long
 * (measured on 100 000 events after a quiet time: a twelfth of the speed). Planning costs half a millisecond, which is
 * little beside a statement that takes long and much beside one that does not; so it ends as soon as a plan of its own
 * makes a statement no faster, as where the machine is slow. The first executions say nothing: they open connections, and
 * no plan is kept before the sixth.
 */
const LONG_MS = 20
const PLAN_ANEW_MS = 10_000
/** How long a statement goes without a name after the server refused it by its name, in milliseconds. */
const UNNAMED_MS = 10_000
const FIRST_EXECUTIONS = 10

/**
 * What every statement begins with. pgpool neither answers one from its query cache then, nor sends it to a standby, as it
 * may with any other read: what others have published would be missing.
 */
const FROM_THE_PRIMARY = '/*NO QUERY CACHE*/'

type Values = (string | number | boolean | null)[]

/** One statement as this process has seen it run. */
export class KnownStatement {
  readonly #text: string
  readonly #stem: string
  #name: string
  #refusals = 0
  #plannedAnewUntilMs = 0
  /** How long it took with the plan that was kept. */
  #keptPlanMs = 0
  #executions = 0
  #longOnes = 0

  constructor({ title, text }: Statement) {
    this.#text = `${FROM_THE_PRIMARY} ${text}`
    // Prepared statements belong to a session, which two schemas or two versions of rowcast may share.
    const digest = createHash('sha256').update(this.#text).digest('hex').slice(0, 16)
    this.#stem = `rowcast_${title.replaceAll(/\W/g, '_')}_${digest}`
    this.#name = this.#stem
  }

  /** @param mayPrepare whether sessions are our own */
  query(values: Values, mayPrepare: boolean): QueryConfig {
    const isPrepared = mayPrepare && performance.now() >= this.#plannedAnewUntilMs
    const [text, types] = [this.#text, TEXT_ONLY]
    return isPrepared ? { name: this.#name, text, types, values } : { text, types, values }
  }

  /**
   * The server refused it by its name: the name is gone from the session, taken there, or stands for a plan that tables of
   * today do not fit. Nothing ran. It goes without a name next, and is called otherwise later, for sessions keep the old one.
   */
  refused(): void {
    this.#name = `${this.#stem}_${++this.#refusals}`
    this.#plannedAnewUntilMs = performance.now() + UNNAMED_MS
    this.#keptPlanMs = Number.POSITIVE_INFINITY
  }

  /** A query of it took so long. One long one may be a busy disk; a plan that does not fit makes all of them long. */
  note({ name }: QueryConfig, tookMs: number): void {
    if (name === undefined) {
      if (tookMs > this.#keptPlanMs / 2) this.#plannedAnewUntilMs = 0
      return
    }
    this.#longOnes = tookMs > LONG_MS ? this.#longOnes + 1 : 0
    if (++this.#executions <= FIRST_EXECUTIONS || this.#longOnes < 2) return
    this.#longOnes = 0
    this.#keptPlanMs = tookMs
    this.#plannedAnewUntilMs = performance.now() + PLAN_ANEW_MS
  }
}
