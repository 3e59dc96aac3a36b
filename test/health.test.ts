import Database from 'better-sqlite3'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { postgres } from '../src/engines/sql/postgres.js'
import { sqlite } from '../src/engines/sql/sqlite.js'
import { EventChannel } from '../src/index.js'
import { database } from './support/databases.js'
import { silent } from './support/logger.js'
import { SETTINGS } from './support/settings.js'
import { suite } from './support/suite.js'
import { onThisMachine, within } from './support/wait.js'

for (const setting of SETTINGS) {
  const test = suite(`health, ${setting.name}`)

  test('a database that answers is healthy, and says what it is and how fast', async () => {
    await using world = await setting.open()
    const { latencyMs, ...rest } = await world.channel.health()
    assert.equal(rest, { ok: true, engine: setting.database.family, backend: setting.backend, error: undefined })
    assert.ok(latencyMs > 0 && latencyMs < 5_000, `${latencyMs} ms`)
  })

  test('a closed channel is not', async () => {
    await using world = await setting.open()
    await world.channel.close()
    const { ok, engine, backend, error } = await world.channel.health()
    assert.equal([ok, engine, backend], [false, setting.database.family, setting.backend])
    assert.match(String(error), /closed/)
  })

  test.run()
}

const test = suite('health of what is broken')

test('a pool that was ended, and a database that was closed under it, are not healthy, and health() never rejects', async () => {
  await using place = await database('postgres').place()
  const pool = new pg.Pool({ connectionString: place.url })
  const onPostgres = await EventChannel.open(postgres({ pool }), { backend: 'queue', logger: silent, ...place.options })
  await pool.end()
  const { ok, error } = await onPostgres.health()
  assert.is(ok, false)
  assert.match(String(error), /ConnectionError: /)
  await within(5_000, onPostgres.close({ drainMs: 0 }))

  const own = new Database(':memory:')
  const onSqlite = await EventChannel.open(sqlite({ database: own }), { logger: silent })
  own.close()
  const closed = await onSqlite.health()
  assert.is(closed.ok, false)
  assert.match(String(closed.error), /closed/)
  await within(5_000, onSqlite.close({ drainMs: 0 }))
})

test('no answer is an answer after 5 s', async () => {
  await using place = await database('postgres').place()
  const pool = new pg.Pool({ connectionString: place.url, max: 2 })
  const channel = await EventChannel.open(postgres({ pool }), { backend: 'queue', logger: silent, ...place.options })
  const taken = [await pool.connect(), await pool.connect()]
  const { ok, error, latencyMs } = await channel.health()
  assert.equal([ok, error], [false, 'no answer within 5000 ms'])
  assert.ok(latencyMs >= 4_990 && latencyMs < onThisMachine(10_000), `${latencyMs} ms`)
  for (const client of taken) client.release()
  assert.is((await channel.health()).ok, true)
  await channel.close({ drainMs: 0 })
  await pool.end()
})

test.run()
