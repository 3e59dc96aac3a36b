import * as assert from 'uvu/assert'
import { rejects, throws } from '../support/errors.js'
import { recorder } from '../support/logger.js'
import { assertCarries, assertUnharmed, SETTINGS, stored } from '../support/settings.js'
import { suite } from '../support/suite.js'

for (const setting of SETTINGS) {
  const test = suite(`bestEffort, ${setting.name}`)
  const open = async () => {
    const logger = recorder()
    const world = await setting.open({ bestEffort: true, logger, maxPayloadBytes: 100 })
    const counters = () => {
      const { 'events.publish': published, 'events.publish.dropped': dropped } = world.channel.telemetry.snapshot()
      return { published, dropped }
    }
    const drops = () => logger.lines.filter(({ message }) => message === 'events were not published')
    return { world, counters, drops, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
  }

  test('a bad payload is logged and counted instead of thrown, and stores nothing', async () => {
    await using scene = await open()
    const { channel } = scene.world
    assert.match(await channel.publish('orders', undefined), /^[0-9a-f-]{36}$/)
    const ids = await channel.publishMany([
      { channel: 'orders', payload: 1 },
      { channel: 'orders', payload: 'x'.repeat(200) },
    ])
    assert.is(new Set(ids).size, 2)
    assert.equal(scene.counters(), { published: 0, dropped: 3 })
    const told = scene.drops().map(({ level, details }) => [level, (details as { count: number }).count])
    assert.equal(told, [
      ['warn', 1],
      ['warn', 2],
    ])
    assert.match(JSON.stringify(scene.drops()), /payload is undefined.*payload is 202 bytes/)
    await assertUnharmed(scene.world)
  })

  test('a mistake in the call and a closed channel are thrown all the same', async () => {
    await using scene = await open()
    const { channel } = scene.world
    await rejects(channel.publish('orders', 1, { priority: 99 }), 'CONFIGURATION', /priority/)
    await rejects(channel.publish('', 1), 'CONFIGURATION', /empty/)
    await rejects(channel.publishMany(5 as never), 'CONFIGURATION', /array/)
    await rejects(channel.publish('orders', 1, { tx: {} }), 'CONFIGURATION', /tx/)
    const other = await scene.world.another()
    await other.close()
    await rejects(other.publish('orders', 1), 'CLOSED', /closed/)
    assert.equal(scene.counters(), { published: 0, dropped: 0 })
    await assertUnharmed(scene.world)
  })

  if (setting.backend === 'queue') {
    test('what the database refuses is logged and counted, and the next publish goes when it is well again', async () => {
      await using scene = await open()
      const { channel, place } = scene.world
      const rename = (from: string, to: string) =>
        place.sql(`alter table ${place.table(from)} rename to ${place.table(to).split('.').at(-1)}`)
      await rename('queue', 'queue_away')
      await channel.publish('orders', 1)
      await Promise.all([2, 3].map((payload) => channel.publish('orders', payload)))
      assert.equal(scene.counters(), { published: 0, dropped: 3 })
      await rename('queue_away', 'queue')
      await channel.publish('orders', 4)
      assert.equal(scene.counters(), { published: 1, dropped: 3 })
      assert.equal(await stored(scene.world), { queue: 1 })
    })

    test("a failure inside the caller's transaction is thrown: their commit must not become a rollback unnoticed", async () => {
      await using scene = await open()
      const { channel, place } = scene.world
      const taken = await place.begin()
      // A bad payload has not reached the database.
      await channel.publish('orders', undefined, { tx: taken.handle })
      assert.equal(scene.counters(), { published: 0, dropped: 1 })
      await channel.publish('orders', 1, { tx: taken.handle })
      await taken.commit()
      assert.equal(await stored(scene.world), { queue: 1 })

      await place.sql(`drop table ${place.table('queue')}`)
      const tx = await place.begin()
      await rejects(channel.publish('orders', 2, { tx: tx.handle }), 'MIGRATION', /tables|not there/)
      await tx.rollback()
      assert.equal(scene.counters(), { published: 1, dropped: 1 })
    })
  }

  if (setting.backend === 'queue' && setting.database.name === 'sqlite') {
    test('publishSync obeys it, too', async () => {
      await using scene = await open()
      assert.match(scene.world.channel.publishSync('orders', undefined), /^[0-9a-f-]{36}$/)
      assert.equal(scene.counters(), { published: 0, dropped: 1 })
      throws(() => scene.world.channel.publishSync('orders', 1, { priority: 99 }), 'CONFIGURATION', /priority/)
      await assertCarries(scene.world)
    })
  }

  test.run()
}
