import type { Row } from '../adapter.js'
import { MIGRATION_WAIT_S, type Prepared } from '../execute.js'
import { ANSWER_LIMIT_MS, inTime } from '../in-time.js'
import type { MysqlConnection } from './driver.js'
import { translate } from './errors.js'
import { LeaseLost } from './hopeful.js'

/** How errors call the database. */
export const NAME = 'MySQL'

/** A user's pool may shape rows as it likes. */
const PLAIN = { rowsAsArray: false, nestTables: false } as const

/**
 * Runs one statement on one connection.
 * @param changes how many rows it must change
 */
export async function query(
  connection: MysqlConnection,
  { statement, values }: Prepared,
  changes?: number,
): Promise<readonly Row[]> {
  const options = { ...PLAIN, sql: statement.text }
  try {
    // What a migration says cannot all be prepared.
    const work =
      statement.name === 'migration'
        ? connection.query(options)
        : connection.execute({ ...options, values: values.map(toMysql) })
    const [answer] = await answered(work)
    if (Array.isArray(answer)) return answer
    const { affectedRows } = answer as { affectedRows: number }
    if (changes !== undefined && affectedRows !== changes) throw new LeaseLost()
    return []
  } catch (error) {
    throw translate(error)
  }
}

/** The driver has a time limit of its own, but it does not cover the preparing of a statement. */
export function answered<Answer>(work: Promise<Answer>, limitMs?: number): Promise<Answer> {
  return inTime(NAME, work, limitMs)
}

/** Numbers travel as text: the driver would send a double, which `limit` refuses and arithmetic rounds. */
function toMysql(value: string | number | boolean | null): string | null {
  if (typeof value === 'boolean') return value ? '1' : '0'
  return value === null ? null : String(value)
}

export async function ask(connection: MysqlConnection, sql: string, values: unknown[]): Promise<unknown> {
  const [rows] = await answered(
    connection.execute({ ...PLAIN, sql, values }),
    ANSWER_LIMIT_MS + MIGRATION_WAIT_S * 1_000,
  )
  return (rows as { answer: unknown }[])[0]?.answer
}
