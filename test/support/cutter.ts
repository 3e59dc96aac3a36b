import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import { serverUrl } from './databases.js'
import type { Recorder } from './history/index.js'

/** Ends connections by the server's own means, from outside. */
export interface Cutter extends AsyncDisposable {
  /** Ends every connection to the database; returns how many there were. */
  cut(): Promise<number>
}

/** @param url a database of the test's own */
export function cutterOf(url: string): Cutter {
  const name = new URL(url).pathname.slice(1)
  return url.startsWith('postgres') ? postgresCutter(name) : mysqlCutter(name)
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

function postgresCutter(name: string): Cutter {
  const pool = new pg.Pool({ connectionString: serverUrl('ROWCAST_TEST_POSTGRES_URL'), max: 1 })
  const text = 'select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity where datname = $1'
  return {
    cut: async () => (await pool.query<{ ended: number }>(text, [name])).rows[0]?.ended ?? 0,
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

function mysqlCutter(name: string): Cutter {
  const pool = createPool({ uri: serverUrl('ROWCAST_TEST_MYSQL_URL'), connectionLimit: 1 })
  return {
    async cut() {
      const [rows] = await pool.query('select id from information_schema.processlist where db = ?', [name])
      const ids = (rows as { id: number }[]).map(({ id }) => id)
      // One that has ended by itself meanwhile is unknown.
      for (const id of ids) await pool.query(`kill ${id}`).catch(() => undefined)
      return ids.length
    },
    [Symbol.asyncDispose]: () => pool.end(),
  }
}
