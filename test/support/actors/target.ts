import Database from 'better-sqlite3'
import { createPool } from 'mysql2'
import pg from 'pg'
import type { EngineSource } from '../../../src/engine.js'
import { mysql } from '../../../src/engines/sql/mysql.js'
import { postgres } from '../../../src/engines/sql/postgres.js'
import { sqlite } from '../../../src/engines/sql/sqlite.js'

/** What a channel is opened with, and what its owner ends after it. */
export interface Target {
  readonly source: string | EngineSource
  end(): Promise<unknown>
}

/**
 * The URL itself; or, where sessions are to be told something, a pool or connection of a user's own that tells each of them.
 * @param session one statement, which changes settings of a session
 */
export function targetOf(url: string, session: string | null): Target {
  if (session === null) return { source: url, end: async () => undefined }
  if (url.startsWith('postgres')) {
    const pool = new pg.Pool({ connectionString: url })
    pool.on('error', () => undefined)
    pool.on('connect', (client) => void client.query(session).catch(() => undefined))
    return { source: postgres({ pool }), end: () => pool.end() }
  }
  if (url.startsWith('mysql')) {
    const pool = createPool({ uri: url })
    pool.on('connection', (connection) => connection.query(session, () => undefined))
    return { source: mysql({ pool }), end: () => pool.promise().end() }
  }
  const file = new Database(url.slice('sqlite:'.length))
  file.exec(session)
  return { source: sqlite({ database: file }), end: async () => file.close() }
}
