import * as assert from 'uvu/assert'
import type { ChannelOptions, Logger } from '../../src/index.js'
import { DATABASES, type Place, type TestDatabase } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { Taker, World } from '../support/world.js'

const SHORT: ChannelOptions = { retentionMs: 500 }
const PATIENCE_MS = 15_000

/** A logger that knows whether it was told that another application asks for longer. */
function listener(): { logger: Logger; wasTold: () => boolean } {
  let told = false
  const info = (message: string) => {
    told ||= /the longest holds/.test(message)
  }
  return { logger: { ...silent, info }, wasTold: () => told }
}

/** One settled event of an hour ago, in history or in the log. */
async function keepOne(database: TestDatabase, world: World, table: 'history' | 'log'): Promise<void> {
  const { channel, place } = world
  await channel.publishMany(table === 'log' ? [first, first] : [first])
  if (table === 'history') assert.ok(await (await new Taker(channel, 'orders').take()).ack())
  else await new Taker(channel, 'orders', { from: 'earliest' }).takeMany(2)
  const column = table === 'log' ? 'created_at' : 'settled_at'
  await place.sql(`update ${place.table(table)} set ${column} = ${database.ago(3_600)}`)
}

const first = { channel: 'orders', payload: 1 }

async function count(place: Place, table: string): Promise<number> {
  const [row] = await place.sql(`select count(*) as count from ${place.table(table)}`)
  return Number(row?.count)
}

for (const database of DATABASES) {
  const test = suite(`retention on ${database.name}`)

  for (const [backend, table, left] of [
    ['queue', 'history', 0],
    // On SQLite the last event stays, since it says how far the log reaches.
    ['log', 'log', database.name === 'sqlite' ? 1 : 0],
  ] as const) {
    test(`${table}: of applications that share the tables, the longest retention holds, and is told`, async () => {
      await using world = await World.open(database, { backend })
      await keepOne(database, world, table)
      const before = await count(world.place, table)
      const { logger, wasTold } = listener()
      await world.another({ ...SHORT, logger })
      await eventually(PATIENCE_MS, wasTold)
      assert.is(await count(world.place, table), before)
      // The application with the longer one has not been seen for long.
      await world.place.sql(`delete from ${world.place.table('retention')} where retention_ms > 500`)
      await world.another(SHORT)
      await eventually(PATIENCE_MS, async () => (await count(world.place, table)) === left)
    }, 40_000)
  }

  test('log: an event stays for a minute at least, whatever is asked for', async () => {
    await using world = await World.open(database, { backend: 'log', retentionMs: 1 })
    const { channel, place } = world
    await channel.publishMany([first, first, first])
    const events = await new Taker(channel, 'orders', { from: 'earliest' }).takeMany(3)
    const age = async (index: number, seconds: number) => {
      const set = `update ${place.table('log')} set created_at = ${database.ago(seconds)}`
      await place.sql(`${set} where id = '${events[index]?.id}'`)
    }
    await age(1, 45)
    await age(0, 61)
    await eventually(PATIENCE_MS, async () => (await count(place, 'log')) < 3)
    assert.is(await count(place, 'log'), 2)
  }, 40_000)

  test('log: what a group has not read stays unless all applications let go of it', async () => {
    await using world = await World.open(database, { backend: 'log', ...SHORT })
    const member = new Taker(world.channel, 'orders', { group: 'g', from: 'earliest' })
    await world.channel.publishMany([first, first, first])
    const event = await member.take()
    await world.place.sql(`update ${world.place.table('log')} set created_at = ${database.ago(3_600)}`)
    await world.another({ ...SHORT, dropUnread: true })
    const agreed = `select count(*) as count from ${world.place.table('retention')} where kind = 'log'`
    await eventually(PATIENCE_MS, async () => Number((await world.place.sql(agreed))[0]?.count) === 2)
    assert.is(await event.ack(), true)
    // The event that is read may go, the others stay: so it is known that a purge has come by.
    await eventually(PATIENCE_MS, async () => (await count(world.place, 'log')) === 2)
    assert.is(await count(world.place, 'log'), 2)
  }, 40_000)

  test.run()
}
