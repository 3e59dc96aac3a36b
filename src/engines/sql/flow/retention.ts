import { detach } from '../../../common/wait.js'
import type { SqlContext } from '../context.js'

/** How long an agreement counts before the database is asked again, in milliseconds. */
const AGREED_MS = 30_000

/** What holds for all who share some tables. */
interface Agreement {
  readonly retentionMs: number
  readonly dropUnread: boolean
}

/**
 * How long to keep what several applications on the same tables may need: the longest of what they ask for, since events that
 * one of them still wants must not be deleted by another.
 * @see sql/postgres/statements/agree_retention.sql
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
    const rows = await this.#context.database.run('agree_retention', {
      kind: this.#kind,
      retention_ms: this.#asked.retentionMs,
      drop_unread: this.#asked.dropUnread,
    })
    const answer = rows.at(-1)
    const agreed = { retentionMs: Number(answer?.retention_ms), dropUnread: Number(answer?.drop_unread) === 1 }
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
