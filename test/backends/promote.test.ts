import * as assert from 'uvu/assert'
import { ON_SERVERS } from '../support/databases.js'
import { suite } from '../support/suite.js'
import { Taker, World } from '../support/world.js'

/** So seldom that nothing comes by it in a test, in milliseconds. */
const SELDOM_MS = 600_000

for (const db of ON_SERVERS) {
  const test = suite(`scheduled events on ${db.name}`)

  test('that others are moving hold up no other channel, and come soon where those give up', async () => {
    await using world = await World.open(db, { pollIntervalMs: SELDOM_MS })
    const { channel, place } = world
    await channel.publish('locked', 1, { delayMs: 300 })
    await channel.publish('free', 2, { delayMs: 400 })
    const { handle, rollback } = await place.begin()
    const lock = `select id from ${place.table('scheduled')} where channel = 'locked' for update`
    await (handle as { query(sql: string): Promise<unknown> }).query(lock)
    const taker = new Taker(channel, ['locked', 'free'])
    assert.is((await taker.take()).payload, 2)
    await rollback()
    assert.is((await taker.take()).payload, 1)
  })

  test.run()
}
