import { ContentionError, describe } from '../../../../common/errors.js'
import type { Logger } from '../../../../common/logger.js'
import type { Statement } from '../../statements.js'
import type { Row } from '../../unit-of-work.js'
import { MIGRATION, type Prepared } from '../execute.js'
import { inTime } from '../in-time.js'
import type { PostgresClient } from './driver.js'
import { escapeTexts } from './encoding.js'
import { codeOf, translate } from './errors.js'
import { KnownStatement } from './known-statement.js'

/** No such prepared statement; one of that name already. */
const NAME_LOST = new Set(['26000', '42P05'])
/** A prepared statement whose result has other columns now. */
const PLAN_STALE = '0A000'
/** How often prepared statements may be gone before they are not used any more. */
const NAMES_LOST_AT_MOST = 3

/** Runs statements, by name where sessions keep names: a lone insert takes a third less time then. */
export class Queries {
  /** Whether statements get names. */
  named = false
  /** Whether the database's encoding does not hold every text. */
  escapes = false
  readonly #logger: Logger
  readonly #known = new Map<string, KnownStatement>()
  #namesLost = 0

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /**
   * @param mayName whether the session is one of our connections, rather than of a handle of the caller's
   * @throws {ContentionError} also when the server refused a statement by its name: without one, the same may succeed
   */
  async run(client: PostgresClient, prepared: Prepared, mayName = true): Promise<readonly Row[]> {
    const { statement } = prepared
    const known = this.#knownOf(statement)
    const values = this.escapes ? escapeTexts(prepared) : prepared.values
    const query = known.query(values, mayName && this.named && statement.name !== MIGRATION)
    const startedMs = performance.now()
    try {
      const { rows } = await inTime('Postgres', client.query(query))
      known.note(query, performance.now() - startedMs)
      return rows
    } catch (error) {
      throw (query.name === undefined ? undefined : this.#refusal(known, error)) ?? translate(error)
    }
  }

  #knownOf(statement: Statement): KnownStatement {
    let known = this.#known.get(statement.text)
    if (known === undefined) {
      known = new KnownStatement(statement)
      this.#known.set(statement.text, known)
    }
    return known
  }

  #refusal(known: KnownStatement, cause: unknown): ContentionError | undefined {
    const code = codeOf(cause)
    if (code !== PLAN_STALE && !NAME_LOST.has(code)) return undefined
    known.refused()
    if (code !== PLAN_STALE && ++this.#namesLost === NAMES_LOST_AT_MOST) {
      this.named = false
      this.#logger.info(
        'sessions of this pool forget prepared statements: statements are sent without names from now on',
      )
    }
    return new ContentionError(`a prepared statement is of no use any more (${describe(cause)})`, { cause })
  }
}
