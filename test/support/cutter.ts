import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import type { Recorder } from './history/index.js'
import { findProcesses } from './mysql.js'

/** Ends connections by the server's own means, from outside. */
export interface Cutter extends AsyncDisposable {
  /** Ends every connection to the database; returns how many there were. */
  cut(): Promise<number>
}

/** @param url a database of the test's own, by a login that may end the sessions of others */
export function cutterOf(url: string): Cutter {
  return url.startsWith('postgres') ? postgresCutter(url) : mysqlCutter(url)
}

/** Cuts again and again for a while, and records that everybody was hindered. */
export async function cutAgainAndAgain(cutter: Cutter, recorder: Recorder, times: number, everyMs: number) {
  let connections = 0
  for (let i = 0; i < times; i++) {
    await recorder.hindering('*', 'cut', async () => {
      connections += await cutter.cut()
      await sleep(everyMs)
    })
  }
  return connections
}

function postgresCutter(url: string): Cutter {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  // One that the pool is ending, since it has been idle, may be cut, too.
  pool.on('error', () => undefined)
  const text = `select count(pg_terminate_backend(pid))::int as ended
    from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
  return {
    cut: async () => (await pool.query<{ ended: number }>(text)).rows[0]?.ended ?? 0,
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

function mysqlCutter(url: string): Cutter {
  const pool = createPool({ uri: url, connectionLimit: 1 })
  const sql = async (text: string) => (await pool.query(text))[0] as Record<string, unknown>[]
  return {
    async cut() {
      const ids = await findProcesses(sql, 'db = database()')
      // One that has ended by itself meanwhile is unknown.
      for (const id of ids) await pool.query(`kill ${id}`).catch(() => undefined)
      return ids.length
    },
    [Symbol.asyncDispose]: () => pool.end(),
  }
}
