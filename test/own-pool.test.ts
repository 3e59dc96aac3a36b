import Database from 'better-sqlite3'
import { createPool as createCallbackPool } from 'mysql2'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import { type BackendName, type EngineSource, EventChannel } from 'rowcast'
import { mysql } from 'rowcast/mysql'
import { postgres } from 'rowcast/postgres'
import { sqlite } from 'rowcast/sqlite'
import * as assert from 'uvu/assert'
import { mysql as mysqlSource } from '../src/engines/sql/mysql.js'
import { postgres as postgresSource } from '../src/engines/sql/postgres.js'
import { sqlite as sqliteSource } from '../src/engines/sql/sqlite.js'
import { database, MYSQL_FAMILY, type Place } from './support/databases.js'
import { throws } from './support/errors.js'
import { silent } from './support/logger.js'
import { suite } from './support/suite.js'
import { eventually, within } from './support/wait.js'
import { SOON_MS } from './support/world.js'

const test = suite("a pool of the user's own")

/** Publishes and consumes at the same time, from both sides of the API. */
async function exercise(source: EngineSource, place: Place, backend: BackendName): Promise<void> {
  const channel = await EventChannel.open(source, { backend, logger: silent, ...place.options })
  const subscription = channel.subscribe('pulled')
  let pulled = 0
  const pulling = (async () => {
    for await (const event of subscription) if ((await event.ack()) && ++pulled === 50) return
  })()
  let pushed = 0
  const listener = channel.listen('pushed', () => void pushed++, { concurrency: 10 })
  await Promise.all([subscription.ready, listener.ready])
  const calls = Array.from({ length: 100 }, (_, i) =>
    channel.publish(i % 2 ? 'pulled' : 'pushed', i, { metadata: { i } }),
  )
  await Promise.all(calls)
  if (backend === 'queue') await channel.publishMany([{ channel: 'pushed', payload: 0, key: 'k', delayMs: 1 }])
  await within(SOON_MS, pulling, 'pulling 50')
  await eventually(SOON_MS, () => pushed === (backend === 'queue' ? 51 : 50))
  assert.is((await channel.health()).ok, true)
  await channel.close({ drainMs: 1_000 })
}

const connectionsOf = (pool: pg.Pool) => [pool.totalCount, pool.idleCount, pool.waitingCount]

test('connections that come back to a pool in a failed transaction spoil one call each', async () => {
  await using place = await database('postgres').place()
  const pool = new pg.Pool({ connectionString: place.url, max: 2 })
  const options = { backend: 'queue', logger: silent, ...place.options } as const
  const channel = await EventChannel.open(postgres({ pool }), options)
  const clients = await Promise.all([pool.connect(), pool.connect()])
  for (const client of clients) {
    await client.query('begin')
    await client.query('select 1 / 0').catch(() => undefined)
    client.release()
  }
  let refused = 0
  for (let i = 0; i < 5; i++) await channel.publish('orders', i).catch(() => refused++)
  assert.ok(refused <= 2, `${refused} were refused`)
  await channel.close()
  await pool.end()
})

test('more calls at once than our own pool has connections take turns without a pause', async () => {
  await using place = await database('postgres').place()
  const channel = await EventChannel.open(place.url, { backend: 'queue', logger: silent, ...place.options })
  const calls = Array.from({ length: 60 }, (_, payload) => channel.publishMany([{ channel: 'orders', payload }]))
  await within(3_000, Promise.all(calls), 'sixty calls')
  assert.is((await channel.stats('orders'))[0]?.ready, 60)
  await channel.close()
})

for (const max of [undefined, 2]) {
  const size = max === undefined ? 'of the default size' : `of ${max}`

  test(`pg.Pool ${size}: the queue and notify run on it, and it stays open`, async () => {
    await using place = await database('postgres').place()
    const pool = new pg.Pool({ connectionString: place.url, ...(max && { max }) })
    for (const backend of ['queue', 'notify'] as const) await exercise(postgres({ pool }), place, backend)
    assert.not(pool.ended)
    const [total, idle, waiting] = connectionsOf(pool)
    assert.equal([idle, waiting], [total, 0], 'every connection was given back')
    assert.equal((await pool.query('select 1 as one')).rows, [{ one: 1 }])
    await pool.end()
  })

  for (const db of MYSQL_FAMILY)
    test(`mysql2/promise pool ${size} to ${db.name}: the queue runs on it, and it stays open`, async () => {
      await using place = await db.place()
      const pool = createPool({ uri: place.url, ...(max && { connectionLimit: max }) })
      await exercise(mysql({ pool }), place, 'queue')
      const [rows] = await pool.query('select 1 as one')
      assert.equal(rows, [{ one: 1 }])
      await pool.end()
    })
}

test('pg.Pool of 1 is enough for notify, which listens on a connection of its own', async () => {
  await using place = await database('postgres').place()
  const pool = new pg.Pool({ connectionString: place.url, max: 1 })
  await exercise(postgres({ pool }), place, 'notify')
  assert.equal((await pool.query('select 1 as one')).rows, [{ one: 1 }])
  await pool.end()
})

for (const db of MYSQL_FAMILY)
  test(`mysql2 pool with callbacks to ${db.name}: the queue runs on it, and it stays open`, async () => {
    await using place = await db.place()
    const pool = createCallbackPool({ uri: place.url })
    await exercise(mysql({ pool }), place, 'queue')
    const [rows] = await pool.promise().query('select 1 as one')
    assert.equal(rows, [{ one: 1 }])
    await pool.promise().end()
  })

test('better-sqlite3 database, on a file and in memory: the queue runs beside it, and it stays open', async () => {
  await using place = await database('sqlite').place()
  for (const file of [place.url.slice('sqlite:'.length), ':memory:']) {
    const own = new Database(file)
    await exercise(sqlite({ database: own }), place, 'queue')
    assert.ok(own.open)
    assert.equal(own.prepare('select 1 as one').all(), [{ one: 1 }])
    assert.is(own.pragma('busy_timeout', { simple: true }), 5_000, 'its settings are as they were')
    own.close()
  }
})

test('settings of the pool that change what comes back do no harm', async () => {
  await using onPostgres = await database('postgres').place()
  const types = { getTypeParser: () => () => 'mangled' } as unknown as pg.CustomTypesConfig
  const pool = new pg.Pool({ connectionString: onPostgres.url, types })
  await exercise(postgres({ pool }), onPostgres, 'queue')
  await pool.end()

  for (const db of MYSQL_FAMILY) {
    await using onMysql = await db.place()
    const odd = createPool({
      uri: onMysql.url,
      rowsAsArray: true,
      dateStrings: true,
      decimalNumbers: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      namedPlaceholders: true,
      timezone: '-11:00',
    })
    await exercise(mysql({ pool: odd }), onMysql, 'queue')
    await odd.end()
  }

  await using onSqlite = await database('sqlite').place()
  const own = new Database(onSqlite.url.slice('sqlite:'.length))
  own.defaultSafeIntegers(true)
  await exercise(sqlite({ database: own }), onSqlite, 'queue')
  const memory = new Database(':memory:')
  memory.defaultSafeIntegers(true)
  await exercise(sqlite({ database: memory }), onSqlite, 'queue')
  own.close()
  memory.close()
})

test('what is no pool and no database is refused at once', () => {
  for (const nothing of [undefined, null, {}, 'postgres://localhost', 5]) {
    throws(() => postgresSource({ pool: nothing as never }), 'CONFIGURATION', /postgres: pool is not a pg\.Pool: pass/)
    throws(() => mysqlSource({ pool: nothing as never }), 'CONFIGURATION', /mysql: pool is not a mysql2 pool: pass/)
    throws(
      () => sqliteSource({ database: nothing as never }),
      'CONFIGURATION',
      /sqlite: database is not a better-sqlite3 database: pass/,
    )
  }
  throws(() => postgresSource(undefined as never), 'CONFIGURATION', /not a pg\.Pool/)
  throws(() => mysqlSource(undefined as never), 'CONFIGURATION', /not a mysql2 pool/)
  throws(() => sqliteSource(undefined as never), 'CONFIGURATION', /not a better-sqlite3/)
  throws(() => postgresSource({ pool: new pg.Client() as never }), 'CONFIGURATION', /not a pg\.Pool/)
})

test.run()
