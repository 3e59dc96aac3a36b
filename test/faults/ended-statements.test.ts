import { createPool } from 'mysql2/promise'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { handled, sleep } from '../../src/common/wait.js'
import { mysql } from '../../src/engines/sql/mysql.js'
import { postgres } from '../../src/engines/sql/postgres.js'
import { EventChannel } from '../../src/index.js'
import { database, ON_SERVERS, type Place, type TestDatabase } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { findProcesses } from '../support/mysql.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker } from '../support/world.js'

const TIMEOUT_MS = 500
const COUNT = 200
/** After this long a database has tried often enough by itself, in milliseconds. */
const GIVEN_UP_MS = 15_000
const PATIENCE_MS = 15_000

for (const db of ON_SERVERS) {
  const test = suite(`statements that ${db.name} ends`)

  test('acks that a limit of the server ended are tried again: each event is handled once, and no lease is lost', async () => {
    await using place = await db.place()
    await using pool = limited(db, place)
    const options = { backend: 'queue', logger: silent, leaseMs: 20_000, ...place.options } as const
    await using channel = await EventChannel.open(pool.source, options)
    const times = new Map<unknown, number>()
    await channel.publishMany(Array.from({ length: COUNT }, (_, payload) => ({ channel: 'orders', payload })))
    channel.listen(
      'orders',
      async ({ payload }) => {
        times.set(payload, (times.get(payload) ?? 0) + 1)
        await sleep(20)
      },
      { concurrency: 20 },
    )
    await eventually(SOON_MS, () => times.size > 20)
    const tx = await place.begin()
    const handle = tx.handle as { query(sql: string): Promise<unknown> }
    // What an ack writes waits for it.
    await handle.query(locking(db, place, db.family === 'postgres' ? 'history' : 'queue'))
    const ending = db.name === 'mysql' ? endQueries(place) : undefined
    await sleep(3 * TIMEOUT_MS)
    await tx.rollback()
    await ending?.stop()
    await eventually(PATIENCE_MS, async () => (await channel.stats('orders')).length === 0)
    assert.equal([times.size, Math.max(...times.values())], [COUNT, 1])
    const { 'events.lease.lost': lost, 'events.redeliver': again } = channel.telemetry.snapshot()
    assert.equal([lost, again], [0, 0])
  })

  test('so are nacks, and what a group of a log writes: its checkpoint, its dead letters', async () => {
    await using place = await db.place()
    await using pool = limited(db, place)
    const options = { logger: silent, leaseMs: 20_000, pollIntervalMs: 100, ...place.options } as const
    await using queue = await EventChannel.open(pool.source, { backend: 'queue', ...options })
    await using log = await EventChannel.open(pool.source, { backend: 'log', maxAttempts: 1, ...options })
    await queue.publishMany(['at once', 'later', 'acked'].map((payload) => ({ channel: 'orders', payload })))
    await log.publishMany(['acked', 'dead', 'acked'].map((payload) => ({ channel: 'orders', payload })))
    const held = await new Taker(queue, 'orders', { prefetch: 3 }).takeMany(3)
    const read = await new Taker(log, 'orders', { group: 'g', from: 'earliest', prefetch: 3 }).takeMany(3)
    const tx = await place.begin()
    const handle = tx.handle as { query(sql: string): Promise<unknown> }
    for (const table of ['queue', 'checkpoint', 'dead_letter']) await handle.query(locking(db, place, table))
    const settling = handled(
      Promise.all([
        ...[held[0]?.nack(), held[1]?.nack({ delayMs: 60_000 }), held[2]?.ack()],
        ...[read[0]?.ack(), read[1]?.nack(), read[2]?.ack()],
      ]),
    )
    const ending = db.name === 'mysql' ? endQueries(place) : undefined
    await sleep(3 * TIMEOUT_MS)
    await tx.rollback()
    await ending?.stop()
    assert.equal(await within(SOON_MS, settling, 'the settling'), [true, true, true, true, true, true])
    const [stats] = await queue.stats('orders')
    assert.equal([Number(stats?.ready) + Number(stats?.leased), stats?.scheduled], [1, 1])
    assert.equal(
      (await log.deadLetters.list()).map(({ payload }) => payload),
      ['dead'],
    )
    for (const { telemetry } of [queue, log]) assert.is(telemetry.snapshot()['events.lease.lost'], 0)
  })

  test('a publish whose statement was ended is stored once, when what it waited for is over', async () => {
    await using place = await db.place()
    await using pool = limited(db, place)
    const options = { backend: 'queue', logger: silent, ...place.options } as const
    await using channel = await EventChannel.open(pool.source, options)
    const tx = await place.begin()
    const handle = tx.handle as { query(sql: string): Promise<unknown> }
    await handle.query(locking(db, place, 'queue'))
    const publishing = handled(channel.publish('orders', 1))
    const ending = db.name === 'mysql' ? endQueries(place) : undefined
    await sleep(2 * TIMEOUT_MS)
    await tx.rollback()
    await ending?.stop()
    await within(SOON_MS, publishing, 'the publish')
    assert.is((await channel.stats('orders'))[0]?.ready, 1)
  })

  test.run()
}

const test = suite('locks that outlast all attempts of a statement on postgres')

test('what a group gives up on is its dead letter once they are gone; nothing is delivered again meanwhile', async () => {
  await using place = await database('postgres').place()
  const pool = new pg.Pool({ connectionString: place.url, options: '-c lock_timeout=20' })
  const options = { backend: 'log', maxAttempts: 1, logger: silent, ...place.options } as const
  const log = await EventChannel.open(postgres({ pool }), options)
  await log.publish('orders', 'dead')
  const event = await new Taker(log, 'orders', { group: 'g', from: 'earliest' }).take()
  const tx = await place.begin()
  await (tx.handle as pg.PoolClient).query(locking(database('postgres'), place, 'dead_letter'))
  const nacking = handled(event.nack())
  await sleep(GIVEN_UP_MS)
  await tx.rollback()
  assert.is(await within(SOON_MS, nacking, 'the nack'), true)
  assert.equal(
    (await log.deadLetters.list()).map(({ payload }) => payload),
    ['dead'],
  )
  assert.is(log.telemetry.snapshot()['events.lease.lost'], 0)
  await log.close()
  await pool.end()
}, 60_000)

test.run()

/** Locks all rows of a table against those who write. */
function locking({ family }: TestDatabase, place: Place, table: string): string {
  const name = place.table(table)
  return family === 'postgres' ? `lock table ${name} in share mode` : `select * from ${name} for update`
}

/** A pool whose sessions have a limit for statements, where the server knows one for writes; MySQL does not. */
function limited({ name, family }: TestDatabase, { url }: Place) {
  if (family === 'postgres') {
    const pool = new pg.Pool({ connectionString: url, options: `-c statement_timeout=${TIMEOUT_MS}` })
    return { source: postgres({ pool }), [Symbol.asyncDispose]: () => pool.end() }
  }
  const pool = createPool({ uri: url })
  if (name === 'mariadb') {
    pool.pool.on('connection', (connection) => {
      connection.query(`set session max_statement_time = ${TIMEOUT_MS / 1_000}`, () => undefined)
    })
  }
  return { source: mysql({ pool }), [Symbol.asyncDispose]: () => pool.end() }
}

/** Ends, again and again, what writes the place's tables and has waited for a while. */
function endQueries(place: Place) {
  let stopped = false
  const ending = (async () => {
    const ours = `command in ('Query', 'Execute') and info like '%${place.options.tablePrefix}%'`
    while (!stopped) {
      const ids = await findProcesses(place.sql, ours)
      for (const id of ids) await place.sql(`kill query ${id}`).catch(() => undefined)
      await sleep(TIMEOUT_MS / 5)
    }
  })()
  return {
    async stop() {
      stopped = true
      await ending
    },
  }
}
