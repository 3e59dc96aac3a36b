import { detach } from '../../../common/wait.js'
import type { SqlContext } from '../context.js'
import { type Agreement, agreeRetention } from '../verbs/schema.js'

/** How long an agreement counts before the database is asked again, in milliseconds. */
const AGREED_MS = 30_000

/**
 * How long to keep what several applications on the same tables may need: the longest of what they ask for, since events that
 * one of them still wants must not be deleted by another.
 * @see sql/postgres/schema/agree_retention.sql
 */
export class Retention {
  readonly #context: SqlContext
  readonly #kind: 'history' | 'log' | 'spill'
  readonly #asked: Agreement
  #agreed: Agreement | undefined
  #agreedAtMs = Number.NEGATIVE_INFINITY

  constructor(context: SqlContext, kind: 'history' | 'log' | 'spill', retentionMs: number) {
    this.#context = context
    this.#kind = kind
    // Whole milliseconds, as the tables have them.
    this.#asked = { retentionMs: Math.ceil(retentionMs), dropUnread: context.options.dropUnread }
    // At once, so that an application that is here for longer hears of it before it deletes anything.
    detach(this.agreed())
  }

  get askedMs(): number {
    return this.#asked.retentionMs
  }

  async agreed(): Promise<Agreement> {
    if (this.#agreed === undefined || performance.now() - this.#agreedAtMs > AGREED_MS) await this.#agree()
    return this.#agreed ?? this.#asked
  }

  async #agree(): Promise<void> {
    const agreed = await this.#context.database.run(agreeRetention(this.#kind, this.#asked))
    this.#agreedAtMs = performance.now()
    if (agreed.retentionMs !== (this.#agreed ?? this.#asked).retentionMs) this.#tell(agreed.retentionMs)
    this.#agreed = agreed
  }

  #tell(retentionMs: number): void {
    this.#context.options.logger.info(
      'applications that share these tables ask for different retention times: the longest holds',
      {
        kind: this.#kind,
        askedMs: this.#asked.retentionMs,
        retentionMs,
      },
    )
  }
}
