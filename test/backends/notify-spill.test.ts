import { randomUUID } from 'node:crypto'
import * as assert from 'uvu/assert'
import { addressOf, encodeEnvelope } from '../../src/engines/sql/notify/envelope.js'
import { database, fresh } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { connectionsOf, hasTable, terminate, uniqueService } from '../support/postgres.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

const test = suite('notify payloads over the budget')
const open = (options = {}) => World.open(fresh(database('postgres')), { backend: 'notify', ...options })

/** A string whose envelope on the channel takes exactly so many bytes of UTF-8; it ends in `tail`. */
function payloadFor(channel: string, envelopeBytes: number, tail = ''): string {
  const event = { id: randomUUID(), channel, payload: '""', metadata: null, priority: 5, maxAttempts: 1 }
  const { bytes: empty } = encodeEnvelope({ ...event, delay: null, key: null }, Date.now(), addressOf(channel))
  return 'x'.repeat(envelopeBytes - empty - Buffer.byteLength(tail)) + tail
}

const spilled = async (world: World) =>
  (await hasTable(world.place, 'spill'))
    ? (await world.place.sql(`select id from ${world.place.table('spill')}`)).length
    : undefined

for (const [kind, tail] of [
  ['ASCII', ''],
  ['multi-byte characters', 'é€😀'],
] as const) {
  test(`up to 7 999 bytes of ${kind} travel by themselves, one more by the spill table`, async () => {
    await using world = await open()
    const taker = new Taker(await world.another(), 'orders')
    await taker.subscription.ready
    for (const bytes of [7_998, 7_999]) {
      const payload = payloadFor('orders', bytes, tail)
      await world.channel.publish('orders', payload)
      assert.is((await taker.take()).payload, payload, `${bytes} bytes`)
      assert.is(await spilled(world), undefined, 'no table until it is needed')
    }
    const payload = payloadFor('orders', 8_000, tail)
    await world.channel.publish('orders', payload)
    assert.is((await taker.take()).payload, payload)
    assert.is(await spilled(world), 1)
  })
}

test('a spilled event has all that belongs to it', async () => {
  await using world = await open()
  const taker = new Taker(world.channel, 'orders')
  const payload = { text: `${'€'.repeat(3_000)} \u0000 \ud800 ' " \\` }
  const id = await world.channel.publish('orders', payload, { metadata: { tenant: 'acme' } })
  const event = await taker.take()
  assert.equal([event.id, event.payload, event.metadata], [id, payload, { tenant: 'acme' }])
  await world.channel.publish('orders', 'small', { metadata: { text: 'm'.repeat(9_000) } })
  const { payload: small, metadata } = await taker.take()
  assert.equal([small, metadata], ['small', { text: 'm'.repeat(9_000) }])
})

test('a mebibyte arrives whole at every subscriber', async () => {
  await using world = await open()
  const takers = [world.channel, await world.another()].map((channel) => new Taker(channel, 'orders'))
  await Promise.all(takers.map(({ subscription }) => subscription.ready))
  const payload = 'y'.repeat(2 ** 20 - 2)
  await world.channel.publish('orders', payload)
  for (const taker of takers) assert.ok((await taker.take()).payload === payload)
})

test('a spilled payload stays for a minute at least, whatever is asked for', async () => {
  await using world = await open({ retentionMs: 0 })
  const { channel, place } = world
  const ids = await channel.publishMany([1, 2].map(() => ({ channel: 'orders', payload: payloadFor('orders', 9_000) })))
  for (const [index, seconds] of [45, 61].entries()) {
    const old = `created_at = ${database('postgres').ago(seconds)}`
    await place.sql(`update ${place.table('spill')} set ${old} where id = '${ids[index]}'`)
  }
  await eventually(SOON_MS * 2, async () => Number(await spilled(world)) < 2)
  assert.equal(await place.sql(`select id from ${place.table('spill')}`), [{ id: ids[0] }])
}, 60_000)

test('large and small keep their order, alone and in bulk, from their first on', async () => {
  await using world = await open()
  const others = [world.channel, await world.another()]
  const taker = new Taker(world.channel, 'orders')
  await taker.subscription.ready
  const sized = (i: number) => ({ i, text: 'x'.repeat(i % 3 ? 1 : 9_000) })
  await Promise.all(Array.from({ length: 60 }, (_, i) => world.channel.publish('orders', sized(i))))
  await world.channel.publishMany(Array.from({ length: 60 }, (_, i) => ({ channel: 'orders', payload: sized(60 + i) })))
  const events = await taker.takeMany(120)
  assert.equal(
    events.map(({ payload }) => payload),
    Array.from({ length: 120 }, (_, i) => sized(i)),
  )
  assert.is(await spilled(world), 40)
  await Promise.all(others.map((channel) => channel.publish('orders', sized(0))))
  await taker.takeMany(2)
})

test("in the caller's transaction a large payload commits and rolls back with it", async () => {
  await using world = await open()
  const taker = new Taker(world.channel, 'orders')
  await taker.subscription.ready
  const [kept, dropped] = [await world.place.begin(), await world.place.begin()]
  await world.channel.publish('orders', 'k'.repeat(9_000), { tx: kept.handle })
  await world.channel.publish('orders', 'd'.repeat(9_000), { tx: dropped.handle })
  await dropped.rollback()
  await kept.commit()
  assert.is((await taker.take()).payload, 'k'.repeat(9_000))
  assert.is(await spilled(world), 1)
})

test('without the tables a large payload is refused, and a small one goes', async () => {
  await using world = await open({ autoMigrate: false })
  const taker = new Taker(world.channel, 'orders')
  await rejects(world.channel.publish('orders', 'x'.repeat(9_000)), 'MIGRATION', /migrationSql\(\)/)
  await world.channel.publish('orders', 'small')
  assert.is((await taker.take()).payload, 'small')
  assert.is(await spilled(world), undefined)
  const applied = await world.channel.migrate()
  assert.equal(
    applied.map(({ name }) => name),
    ['queue', 'log', 'spill'],
  )
  await world.channel.publish('orders', 'l'.repeat(9_000))
  assert.is((await taker.take()).payload, 'l'.repeat(9_000))
})

test('a large payload that cannot be stored rejects only its own of coinciding calls', async () => {
  await using world = await open({ autoMigrate: false })
  const taker = new Taker(world.channel, 'orders')
  const calls = [1, 'x'.repeat(9_000), 2].map((payload) => world.channel.publish('orders', payload))
  const settled = await Promise.allSettled(calls)
  assert.equal(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal(
    (await taker.takeMany(2)).map(({ payload }) => payload),
    [1, 2],
  )
})

test('a payload whose row is gone is counted, and the next event arrives', async () => {
  await using world = await open()
  await world.channel.publish('warm-up', 'x'.repeat(9_000))
  const taker = new Taker(world.channel, 'orders')
  const tx = await world.place.begin()
  await world.channel.publish('orders', 'x'.repeat(9_000), { tx: tx.handle })
  const { handle } = tx as { handle: { query(text: string): Promise<unknown> } }
  await handle.query(`delete from ${world.place.table('spill')}`)
  await tx.commit()
  await world.channel.publish('orders', 'next')
  assert.is((await taker.take()).payload, 'next')
  assert.is(world.channel.telemetry.snapshot()['events.decode.failed'], 1)
})

test('a connection that breaks while a payload is read back loses neither it nor its neighbours', async () => {
  const serviceName = uniqueService()
  await using world = await open({ serviceName })
  const publisher = await world.another({ serviceName: uniqueService() })
  const taker = new Taker(world.channel, 'orders')
  await taker.subscription.ready
  await publisher.publish('warm-up', 'x'.repeat(9_000))
  const tx = await world.place.begin()
  await publisher.publishMany(
    ['small', 'x'.repeat(9_000), 'last'].map((payload) => ({ channel: 'orders', payload })),
    { tx: tx.handle },
  )
  await tx.commit()
  const lock = await world.place.begin()
  const { handle } = lock as { handle: { query(text: string): Promise<unknown> } }
  await handle.query(`lock table ${world.place.table('spill')} in access exclusive mode`)
  const events = taker.takeMany(3)
  await eventually(SOON_MS, async () => {
    const waiting = `application_name = '${serviceName}' and wait_event_type = 'Lock'`
    return (await world.place.sql(`select from pg_stat_activity where ${waiting}`)).length > 0
  })
  await terminate(world.place, serviceName)
  assert.equal(await connectionsOf(world.place, serviceName), [`${serviceName} listen`])
  await lock.rollback()
  assert.equal(
    (await events).map(({ payload }) => payload),
    ['small', 'x'.repeat(9_000), 'last'],
  )
})

test.run()
