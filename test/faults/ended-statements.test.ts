import { createPool } from 'mysql2/promise'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { sleep } from '../../src/common/wait.js'
import { mysql } from '../../src/engines/sql/mysql.js'
import { postgres } from '../../src/engines/sql/postgres.js'
import { EventChannel } from '../../src/index.js'
import { ON_SERVERS, type Place, type TestDatabase } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { findProcesses } from '../support/mysql.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS } from '../support/world.js'

const TIMEOUT_MS = 500
const COUNT = 200
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
    const lock = db.family === 'postgres' ? `lock table ${place.table('history')} in share mode` : undefined
    if (lock !== undefined) await handle.query(lock)
    else await handle.query(`select count(*) from (select id from ${place.table('queue')} for update) as q`)
    const ending = db.family === 'postgres' ? undefined : endQueries(place)
    await sleep(3 * TIMEOUT_MS)
    await tx.rollback()
    await ending?.stop()
    await eventually(PATIENCE_MS, async () => (await channel.stats('orders')).length === 0)
    assert.equal([times.size, Math.max(...times.values())], [COUNT, 1])
    const { 'events.lease.lost': lost, 'events.redeliver': again } = channel.telemetry.snapshot()
    assert.equal([lost, again], [0, 0])
  })

  test('a publish whose statement was ended is stored once, when what it waited for is over', async () => {
    await using place = await db.place()
    await using pool = limited(db, place)
    const options = { backend: 'queue', logger: silent, ...place.options } as const
    await using channel = await EventChannel.open(pool.source, options)
    const tx = await place.begin()
    const handle = tx.handle as { query(sql: string): Promise<unknown> }
    const table = place.table('queue')
    await handle.query(
      db.family === 'postgres' ? `lock table ${table} in share mode` : `select * from ${table} for update`,
    )
    const publishing = channel.publish('orders', 1)
    const ending = db.family === 'postgres' ? undefined : endQueries(place)
    await sleep(2 * TIMEOUT_MS)
    await tx.rollback()
    await ending?.stop()
    await within(SOON_MS, publishing, 'the publish')
    assert.is((await channel.stats('orders'))[0]?.ready, 1)
  })

  test.run()
}

/** A pool whose sessions have a limit for statements, where the server knows one for writes. */
function limited({ family }: TestDatabase, { url }: Place) {
  if (family === 'postgres') {
    const pool = new pg.Pool({ connectionString: url, options: `-c statement_timeout=${TIMEOUT_MS}` })
    return { source: postgres({ pool }), [Symbol.asyncDispose]: () => pool.end() }
  }
  const pool = createPool({ uri: url })
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
