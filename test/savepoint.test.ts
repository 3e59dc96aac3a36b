import type Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { database } from './support/databases.js'
import { rejects } from './support/errors.js'
import { suite } from './support/suite.js'
import { Taker, World } from './support/world.js'

const test = suite('a part of a transaction on sqlite')

test('events published in one call are stored all or none, also when their transaction commits after the failure', async () => {
  await using world = await World.open(database('sqlite'))
  await world.place.sql(
    `create trigger no_bad_events before insert on ${world.place.table('queue')} when new.payload = '"bad"'
     begin select raise(abort, 'a bad event'); end`,
  )
  const tx = await world.place.begin()
  const publish = (...payloads: string[]) =>
    world.channel.publishMany(
      payloads.map((payload) => ({ channel: 'orders', payload, key: payload })),
      { tx: tx.handle },
    )
  await publish('before')
  await rejects(publish('good', 'bad'), 'DATABASE', /a bad event/)
  assert.ok((tx.handle as Database.Database).inTransaction)
  await publish('after')
  await tx.commit()
  const taker = new Taker(world.channel, 'orders')
  const events = [await taker.take(), await taker.take()]
  assert.equal(
    events.map(({ payload }) => payload),
    ['before', 'after'],
  )
  for (const event of events) await event.ack()
  assert.is((await world.channel.stats('orders')).length, 0)
  // Nobody has the keys of what was not stored.
  assert.is(await world.channel.publish('orders', 'good', { key: 'good' }), (await taker.take()).id)
})

test.run()
