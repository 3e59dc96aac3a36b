import type { PooledClient, PostgresClient } from './driver.js'
import { codeOf } from './errors.js'
import { TEXT_ONLY } from './known-statement.js'

/*
 * The sessions of a user's pool may have been left in any state. What would make rowcast's statements do other than they
 * say is found before they run, without a round trip where the driver tells.
 */

const IN_FAILED_TRANSACTION = '25P02'
/** Outside of a transaction a statement is one by itself, and begins with it. */
const LOOK = {
  text: "select (now() < statement_timestamp())::text as inside, current_setting('client_encoding') as encoding",
  types: TEXT_ONLY,
}

/** What is known of a session. */
interface Session {
  encoding: string
  /** What the server said after the last query, where the driver does not tell; `undefined`: neither did the server. */
  status: string | undefined
}

/** By client, whichever object of this process looked first: one listener of ours is enough for all. */
const sessions = new WeakMap<PooledClient, Session>()

/**
 * What keeps rowcast from using a session, as of now; `undefined` for nothing.
 * @param isOurs whether nobody else sets anything in it
 */
export function faultOf(client: PooledClient, isOurs: boolean): string | undefined | Promise<string | undefined> {
  const status = client.getTransactionStatus?.()
  if (isOurs && status === 'I') return undefined
  const session = sessions.get(client)
  if (session === undefined) return isOurs ? faultIn(status, 'UTF8') : look(client, status)
  const known = status ?? session.status
  return known === undefined ? lookAgain(client, session) : faultIn(known, session.encoding)
}

/** Whether a statement that was meant to stand by itself ran inside a transaction of somebody else. */
export function isInside(client: PooledClient): boolean {
  const status = client.getTransactionStatus?.() ?? sessions.get(client)?.status
  return status === 'T' || status === 'E'
}

/** Whether the session acts for another role than the one that logged in, or refuses what policies would filter. */
export async function isAltered(client: PostgresClient): Promise<boolean> {
  const { rows } = await client.query({
    text: "select (current_user <> session_user or current_setting('row_security') = 'off')::text as altered",
    types: TEXT_ONLY,
  })
  return rows[0]?.altered === 'true'
}

/** Whether pgpool in raw mode is in between, which begins a transaction before some statements and leaves it open. */
export async function isRawPgpool(client: PostgresClient): Promise<boolean> {
  const { rows } = await client.query({ text: 'pgpool show backend_clustering_mode', types: TEXT_ONLY })
  return rows[0]?.backend_clustering_mode === 'raw'
}

async function look(client: PooledClient, status: string | null | undefined): Promise<string | undefined> {
  const session: Session = { encoding: 'UTF8', status: undefined }
  follow(client, session, status == null)
  sessions.set(client, session)
  return status === 'T' || status === 'E' ? faultIn(status, 'UTF8') : lookAgain(client, session)
}

async function lookAgain(client: PooledClient, session: Session): Promise<string | undefined> {
  try {
    const { rows } = await client.query(LOOK)
    session.encoding = String(rows[0]?.encoding)
    return faultIn(rows[0]?.inside === 'true' ? 'T' : 'I', session.encoding)
  } catch (error) {
    if (codeOf(error) === IN_FAILED_TRANSACTION) return faultIn('E', 'UTF8')
    throw error
  }
}

/** The server says how a session stands after each query, and when its encoding changes. */
function follow({ connection }: PooledClient, session: Session, followsStatus: boolean): void {
  if (typeof connection?.on !== 'function') return
  connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
    if (parameterName === 'client_encoding') session.encoding = String(parameterValue)
  })
  if (followsStatus) {
    connection.on('readyForQuery', ({ status }) => {
      session.status = status
    })
  }
}

function faultIn(status: string | null | undefined, encoding: string): string | undefined {
  if (status === 'T') return 'a client came back to the pool inside a transaction: what it did there is rolled back'
  if (status === 'E') return 'a client came back to the pool inside a transaction that failed'
  return encoding === 'UTF8' ? undefined : `a client came back to the pool with client_encoding set to ${encoding}`
}
