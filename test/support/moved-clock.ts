import Sqlite from 'better-sqlite3'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import { mysql } from '../../src/engines/sql/mysql.js'
import { postgres } from '../../src/engines/sql/postgres.js'
import { sqlite } from '../../src/engines/sql/sqlite.js'
import type { EngineSource } from '../../src/index.js'
import type { Place, TestDatabase } from './databases.js'

/** A database whose clock a test can move: as after an NTP step, or a failover to a server whose clock is off. */
export interface MovedClock extends AsyncDisposable {
  readonly source: EngineSource
  /** By how much the clock is ahead from now on, in milliseconds; negative when it was set back. */
  move(ms: number): Promise<void>
}

/** What all statements of ours see, when they run over this source. */
export function movableClock({ family }: TestDatabase, place: Place): Promise<MovedClock> {
  if (family === 'postgres') return onPostgres(place)
  return family === 'sqlite' ? onSqlite() : onMysql(place)
}

/** A function of that name stands before the server's own. */
async function onPostgres(place: Place): Promise<MovedClock> {
  const schema = `${place.options.schema}_clock`
  await place.sql(
    `create schema ${schema}; create table ${schema}.off (s float8); insert into ${schema}.off values (0)`,
  )
  for (const clock of ['statement_timestamp', 'clock_timestamp', 'now']) {
    await place.sql(
      `create function ${schema}.${clock}() returns timestamptz language sql stable as
       $$ select pg_catalog.${clock}() + (select s from ${schema}.off) * interval '1 second' $$`,
    )
  }
  const options = `-c search_path=${schema},pg_catalog,public`
  const pool = new pg.Pool({ connectionString: place.url, options })
  pool.on('error', () => undefined)
  return {
    source: postgres({ pool }),
    async move(ms) {
      await place.sql(`update ${schema}.off set s = ${ms / 1_000}`)
    },
    async [Symbol.asyncDispose]() {
      await pool.end()
      await place.sql(`drop schema ${schema} cascade`)
    },
  }
}

/** The variable `timestamp` stands before the server's clock, which `sysdate` still shows. */
async function onMysql(place: Place): Promise<MovedClock> {
  const pool = createPool({ uri: place.url })
  let shiftMs = 0
  const moved = {
    pool: pool.pool,
    execute: pool.execute.bind(pool),
    query: pool.query.bind(pool),
    async getConnection() {
      const connection = await pool.getConnection()
      await connection.query(
        shiftMs === 0
          ? 'set timestamp = default'
          : `set timestamp = unix_timestamp(sysdate(6)) + ${(shiftMs / 1_000).toFixed(3)}`,
      )
      return connection
    },
  }
  return {
    source: mysql({ pool: moved }),
    async move(ms) {
      shiftMs = ms
    },
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

/** In memory, so that our statements run on the very connection whose function is replaced. */
async function onSqlite(): Promise<MovedClock> {
  const database = new Sqlite(':memory:')
  let shiftMs = 0
  database.function('unixepoch', { varargs: true }, () => (Date.now() + shiftMs) / 1_000)
  return {
    source: sqlite({ database }),
    async move(ms) {
      shiftMs = ms
    },
    async [Symbol.asyncDispose]() {
      database.close()
    },
  }
}
