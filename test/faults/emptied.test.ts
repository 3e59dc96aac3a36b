import * as assert from 'uvu/assert'
import { EventChannel } from '../../src/index.js'
import { DATABASES, type Place, type TestDatabase } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { Taker, World } from '../support/world.js'

const QUEUE = ['queue', 'scheduled', 'history', 'dead_letter', 'dedupe'] as const
const LOG = ['log', 'log_incoming', 'log_head', 'checkpoint'] as const
const PATIENCE_MS = 15_000

/** As a test suite does between its tests: every row of every table, but what says which tables there are. */
async function empty(database: TestDatabase, place: Place): Promise<void> {
  const tables = [...QUEUE, ...LOG].filter((name) => database.name !== 'sqlite' || !/head|incoming/.test(name))
  for (const name of tables) await place.sql(`delete from ${place.table(name)}`)
  if (database.name === 'sqlite') await place.sql('delete from sqlite_sequence')
}

for (const database of DATABASES) {
  const test = suite(`emptied and restored tables on ${database.name}`)

  test('a queue that is emptied under its publisher and its consumer goes on', async () => {
    await using world = await World.open(database, { leaseMs: 500 })
    const taker = new Taker(world.channel, 'orders')
    await world.channel.publish('orders', 1, { key: 'k' })
    const lost = await taker.take()
    await empty(database, world.place)
    assert.is(await lost.ack(), false)
    await world.channel.publish('orders', 2, { key: 'k' })
    const event = await taker.take()
    assert.equal([event.payload, await event.ack()], [2, true])
  })

  test('a log that is emptied goes on for a reader, a group, another object and a new one', async () => {
    await using world = await World.open(database, { backend: 'log', leaseMs: 1_000 })
    const other = await world.another()
    const seen: Record<string, unknown[]> = { alone: [], group: [], elsewhere: [] }
    const listeners = [
      world.channel.listen('orders', ({ payload }) => void seen.alone?.push(payload)),
      world.channel.listen('orders', ({ payload }) => void seen.group?.push(payload), { group: 'g' }),
      other.listen('orders', ({ payload }) => void seen.elsewhere?.push(payload)),
    ]
    await Promise.all(listeners.map(({ ready }) => ready))
    const allSaw = (count: number) => () => Object.values(seen).every((payloads) => new Set(payloads).size >= count)
    for (const payload of [1, 2, 3]) await other.publish('orders', payload)
    await eventually(PATIENCE_MS, allSaw(3))
    await empty(database, world.place)
    const opened = await world.another()
    for (const payload of [4, 5]) await opened.publish('orders', payload)
    await eventually(PATIENCE_MS, allSaw(5))
    // The group's lease was among what was emptied, so that it may have got again what it had in hand.
    for (const payloads of Object.values(seen)) assert.equal([...new Set(payloads)], [1, 2, 3, 4, 5])
    assert.equal(
      [seen.alone, seen.elsewhere].map((payloads) => payloads?.length),
      [5, 5],
    )
    await world.channel.publish('orders', 6)
    await eventually(PATIENCE_MS, allSaw(6))
  }, 60_000)

  test('with nobody reading, what is published into an emptied log is there for the next', async () => {
    await using world = await World.open(database, { backend: 'log' })
    await world.channel.publish('orders', 1)
    await world.channel.stats()
    await empty(database, world.place)
    await world.channel.publishMany(Array.from({ length: 40 }, (_, i) => ({ channel: 'orders', payload: i })))
    const taker = new Taker(await world.another(), 'orders', { from: 'earliest' })
    const events = await taker.takeMany(40)
    assert.equal(
      events.map(({ payload }) => payload),
      Array.from({ length: 40 }, (_, i) => i),
    )
  })

  test('rows loaded into tables that were made for them: the log goes on after their last position', async () => {
    await using place = await database.place()
    const options = { backend: 'log', logger: silent, ...place.options } as const
    const before = await EventChannel.open(place.url, options)
    await before.publishMany(Array.from({ length: 20 }, (_, i) => ({ channel: 'orders', payload: i })))
    const group = new Taker(before, 'orders', { group: 'g', from: 'earliest' })
    const events = await group.takeMany(20)
    for (const event of events) await event.ack()
    const last = Number(events.at(-1)?.position)
    // What such a dump leaves: the row that the migration made, which the dump's own met.
    if (database.name === 'sqlite') {
      await place.sql(`delete from ${place.table('log')}`)
      await place.sql('delete from sqlite_sequence')
    } else await place.sql(`update ${place.table('log_head')} set ${positionOf(database)} = 0`)

    // The object that was open, too, though positions that it gives anew meet those that are there.
    const many = Array.from({ length: 20 }, (_, i) => ({ channel: 'orders', payload: 100 + i }))
    await using opened = database.name === 'sqlite' ? await EventChannel.open(place.url, options) : before
    await opened.publishMany(many)
    const reader = new Taker(opened, 'orders', { from: last })
    const fresh = await reader.takeMany(20)
    assert.equal(
      fresh.map(({ payload }) => payload),
      many.map(({ payload }) => payload),
    )
    assert.ok(fresh.every(({ position }) => Number(position) > last))
    await before.close()
  }, 30_000)

  test.run()
}

function positionOf({ family }: TestDatabase): string {
  return family === 'postgres' ? 'position' : '`position`'
}
