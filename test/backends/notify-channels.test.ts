import { randomUUID } from 'node:crypto'
import * as assert from 'uvu/assert'
import { topicOf } from '../../src/engines/sql/flow/topics.js'
import { database } from '../support/databases.js'
import { notify } from '../support/postgres.js'
import { suite } from '../support/suite.js'
import { Taker, World } from '../support/world.js'

const test = suite('notify topics')
const open = (options = {}) => World.open(database('postgres'), { backend: 'notify', ...options })

/** Subscribes to each name, publishes to each, and expects each to hear only of itself. */
async function meetOnlyThemselves(world: World, names: readonly string[]): Promise<void> {
  const takers = names.map((name) => ({ name, taker: new Taker(world.channel, name) }))
  await world.channel.publishMany(names.map((name) => ({ channel: name, payload: name })))
  await world.channel.publishMany(names.map((name) => ({ channel: name, payload: `${name}, again` })))
  for (const { name, taker } of takers) {
    const events = await taker.takeMany(2)
    assert.equal(
      events.map(({ channel, payload }) => [channel, payload]),
      [
        [name, name],
        [name, `${name}, again`],
      ],
    )
  }
}

test('a channel may be named as one likes', async () => {
  await using world = await open()
  const names = [
    'error',
    'notification',
    "it's",
    '"quoted"',
    "'; drop table rowcast_queue; --",
    'semi;colon',
    'co:lon',
    'back\\slash',
    '$1 and :name and %s',
    'тема',
    '주제 😀',
    '__proto__',
    'constructor',
    'x'.repeat(63),
    'x'.repeat(64),
    'x'.repeat(255),
    `${'é'.repeat(127)}x`,
  ]
  await meetOnlyThemselves(world, names)
})

test('names that look alike do not meet', async () => {
  await using world = await open()
  const long = 'a'.repeat(63)
  await meetOnlyThemselves(world, [
    long,
    `${long}b`,
    `${long}c`,
    `${'a'.repeat(254)}b`,
    'Orders',
    'orders',
    'órders',
    'o\u0301rders',
    topicOf(world.place.options.schema ?? '', 'notify', `${long}b`).slice(0, 255),
  ])
})

test('different schemas never meet, however their names and the channels add up', async () => {
  await using world = await open()
  const schema = world.place.options.schema ?? ''
  const places = [
    { schema, name: 'orders' },
    { schema: `${schema}2`, name: 'orders' },
    { schema, name: 'notify:orders' },
    { schema: `${schema}:notify`, name: 'orders' },
    { schema, name: 'o'.repeat(100) },
    { schema: `${schema}2`, name: 'o'.repeat(100) },
  ]
  const parties: { taker: Taker; publish: (payload: number) => Promise<unknown> }[] = []
  for (const place of places) {
    const channel = await world.another({ schema: place.schema })
    const taker = new Taker(channel, place.name)
    await taker.subscription.ready
    parties.push({ taker, publish: (payload) => channel.publish(place.name, payload) })
  }
  for (const round of [0, 100]) {
    for (const [index, { publish }] of parties.entries()) await publish(round + index)
  }
  for (const [index, { taker }] of parties.entries()) {
    assert.equal(
      (await taker.takeMany(2)).map(({ payload }) => payload),
      [index, 100 + index],
    )
  }
})

test('a queue and a notify channel of one schema and name do not meet', async () => {
  await using world = await open()
  const queue = await world.another({ backend: 'queue' })
  const taker = new Taker(world.channel, 'orders')
  await taker.subscription.ready
  await queue.publish('orders', 'stored')
  await world.channel.publish('orders', 'sent')
  assert.is((await taker.take()).payload, 'sent')
  const event = await new Taker(queue, 'orders').take()
  assert.is(event.payload, 'stored')
  assert.is(world.channel.telemetry.snapshot()['events.decode.failed'], 0)
})

test('leaving and coming back at once misses nothing from then on', async () => {
  await using world = await open()
  for (let i = 0; i < 25; i++) {
    const taker = new Taker(world.channel, 'orders')
    await world.channel.publish('orders', i)
    assert.is((await taker.take()).payload, i)
    const leaving = taker.leave()
    if (i % 2) await leaving
  }
})

test('one subscriber that leaves does not take the topic from another', async () => {
  await using world = await open()
  const [leaving, staying] = [new Taker(world.channel, ['a', 'b']), new Taker(world.channel, 'a')]
  await Promise.all([leaving.subscription.ready, staying.subscription.ready])
  await leaving.leave()
  await world.channel.publish('a', 1)
  assert.is((await staying.take()).payload, 1)
})

const id = randomUUID()
const envelope = (fields: object) => JSON.stringify({ i: id, t: Date.now(), c: 'orders', p: 1, ...fields })
const FOREIGN: Readonly<Record<string, string>> = {
  'an empty text': '',
  'no JSON': 'hello',
  'half a JSON': '{"i":',
  null: 'null',
  'a number': '42',
  'a list': '[]',
  'an object of another shape': '{"orders":1}',
  'an envelope without a payload': JSON.stringify({ i: id, t: Date.now(), c: 'orders' }),
  'an envelope with an id that is none': envelope({ i: 'orders-1' }),
  'an envelope with a time that is none': envelope({}).replace(/"t":\d+/, '"t":1e999'),
  'an envelope with a time beyond all dates': envelope({ t: 8.64e15 + 1 }),
  'an envelope with metadata that is a text': envelope({ m: 'text' }),
  'an envelope with metadata that is a list': envelope({ m: [1] }),
  'an envelope of another channel': envelope({ c: 'refunds' }),
  'a spill id that does not exist': envelope({ p: undefined, s: 1 }),
}

for (const [what, text] of Object.entries(FOREIGN)) {
  for (const tables of ['with', 'without'] as const) {
    test(`${what}, notified by a stranger, hurts nobody ${tables} the tables there`, async () => {
      await using world = await open()
      if (tables === 'with') await world.channel.migrate()
      const taker = new Taker(world.channel, 'orders')
      await taker.subscription.ready
      await notify(world.place, topicOf(world.place.options.schema ?? '', 'notify', 'orders'), text)
      await world.channel.publish('orders', 'good')
      assert.is((await taker.take()).payload, 'good')
      const ofAnother = what === 'an envelope of another channel'
      assert.is(world.channel.telemetry.snapshot()['events.decode.failed'], ofAnother ? 0 : 1)
    })
  }
}

test.run()
