import { describe, RowcastError, UnsupportedError } from '../../../../common/errors.js'
import { PROBE_TIMEOUT_MS } from '../opening.js'
import type { Sessions } from './sessions.js'

/** What the statements rest on, in one; and its parts, to tell which of them a server lacks. */
const LIST = "(select * from json_table('[1]', '$[*]' columns (n int path '$')) as listed) as j"
const NEEDED = `select j.n from ${LIST} for update skip locked`
const PARTS_NEEDED = [
  { name: 'json_table', sql: `select j.n from ${LIST}` },
  { name: 'skip locked', sql: 'select j.n from (select 1 as n) as j for update skip locked' },
]
/** MariaDB has a limit for transactions alone. */
const IDLE_TRANSACTION_LIMIT = 'select @@session.idle_transaction_timeout'

/**
 * Asks for what the statements need, rather than believe a version string.
 * @throws {UnsupportedError} when the server lacks it
 */
export async function checkNeeds(sessions: Sessions): Promise<void> {
  const refusal = await refusalOf(sessions, NEEDED)
  if (refusal === undefined) return
  const refused = await Promise.all(PARTS_NEEDED.map(async ({ name, sql }) => (await refusalOf(sessions, sql)) && name))
  const what = refused.filter((name) => name !== undefined).join(' and ') || 'locks beside json_table'
  throw new UnsupportedError(
    `this server refuses ${what} (${describe(refusal.cause)}): use MySQL 8.0.4 or MariaDB 10.6, or later`,
    { cause: refusal },
  )
}

/** Whether the server can end a transaction that stands still, and nothing else. */
export async function limitsIdleTransactions(sessions: Sessions): Promise<boolean> {
  return (await refusalOf(sessions, IDLE_TRANSACTION_LIMIT)) === undefined
}

/** Why the server does not take a statement; `undefined` when it does. */
async function refusalOf(sessions: Sessions, sql: string): Promise<RowcastError | undefined> {
  try {
    await sessions.use((session) => session.command(sql, PROBE_TIMEOUT_MS))
    return undefined
  } catch (error) {
    if (error instanceof RowcastError && error.code === 'DATABASE') return error
    throw error
  }
}
