import type { EngineSource } from '../../../src/engine.js'

/** What a channel is opened with, and what its owner ends after it. */
export interface Target {
  readonly source: string | EngineSource
  end(): Promise<unknown>
}

/**
 * The URL itself; or, where sessions are to be told something, a pool or connection of a user's own that tells each of them. Drivers
 * are loaded where they are needed: hundreds of such processes start in a run.
 * @param session one statement, which changes settings of a session
 */
export async function targetOf(url: string, session: string | null): Promise<Target> {
  if (session === null) return { source: url, end: async () => undefined }
  if (url.startsWith('postgres')) return onPostgres(url, session)
  return url.startsWith('mysql') ? onMysql(url, session) : onSqlite(url, session)
}

async function onPostgres(url: string, session: string): Promise<Target> {
  const [{ default: pg }, { postgres }] = await Promise.all([
    import('pg'),
    import('../../../src/engines/sql/postgres.js'),
  ])
  const pool = new pg.Pool({ connectionString: url })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => void client.query(session).catch(() => undefined))
  return { source: postgres({ pool }), end: () => pool.end() }
}

async function onMysql(url: string, session: string): Promise<Target> {
  const [{ createPool }, { mysql }] = await Promise.all([import('mysql2'), import('../../../src/engines/sql/mysql.js')])
  const pool = createPool({ uri: url })
  pool.on('connection', (connection) => connection.query(session, () => undefined))
  return { source: mysql({ pool }), end: () => pool.promise().end() }
}

async function onSqlite(url: string, session: string): Promise<Target> {
  const [{ default: Database }, { sqlite }] = await Promise.all([
    import('better-sqlite3'),
    import('../../../src/engines/sql/sqlite.js'),
  ])
  const file = new Database(url.slice('sqlite:'.length))
  file.exec(session)
  return { source: sqlite({ database: file }), end: async () => file.close() }
}
