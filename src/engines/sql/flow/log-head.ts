import { RowcastError } from '../../../common/errors.js'
import type { SqlContext } from '../context.js'
import { restoreHead } from '../verbs/sequence.js'

/**
 * The last position that was given, as the database keeps it. Test suites empty its table, and dumps are loaded beside it;
 * then it is derived anew from what is there.
 * @see sql/postgres/log/restore_head.sql
 */
export class LogHead {
  readonly #context: SqlContext

  constructor(context: SqlContext) {
    this.#context = context
  }

  async restore(): Promise<void> {
    const position = await this.#context.database.run(restoreHead())
    if (position === undefined) return
    const { logger } = this.#context.options
    logger.warn('the log had lost its last position, which is restored', { position })
  }

  /**
   * Does work that gives positions. When the database refuses it, perhaps since it would give one again, it is done once more
   * after the last position was restored: by this object, or by another that met the same.
   */
  async giving<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof RowcastError) || error.code !== 'DATABASE') throw error
      await this.restore()
      return work()
    }
  }
}
