import * as assert from 'uvu/assert'
import { EventChannel, type EventMessage } from '../../src/index.js'
import { database, fresh } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { recorder, silent } from '../support/logger.js'
import { bareRole, hasTable } from '../support/postgres.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

const test = suite('notify')
const open = (options = {}) => World.open(fresh(database('postgres')), { backend: 'notify', ...options })
const payloads = (events: readonly EventMessage[]) => events.map(({ payload }) => payload)

test('every live subscriber gets each event, of another object and of the same one', async () => {
  await using world = await open()
  const other = await world.another()
  const takers = [world.channel, world.channel, other, other].map((channel) => new Taker(channel, 'orders'))
  await Promise.all(takers.map(({ subscription }) => subscription.ready))
  await world.channel.publish('orders', 1)
  await other.publish('orders', 2)
  for (const taker of takers) assert.equal(payloads(await taker.takeMany(2)).sort(), [1, 2])
  const { 'events.publish': published, 'events.deliver': delivered } = other.telemetry.snapshot()
  assert.equal([published, delivered], [1, 4])
})

test('a subscriber of several channels gets those and no others, in order', async () => {
  await using world = await open()
  const taker = new Taker(world.channel, ['a', 'b'])
  await world.channel.publishMany(['a', 'c', 'b', 'c', 'a'].map((channel, i) => ({ channel, payload: i })))
  const events = await taker.takeMany(3)
  assert.equal(
    events.map(({ channel, payload }) => [channel, payload]),
    [
      ['a', 0],
      ['b', 2],
      ['a', 4],
    ],
  )
})

test('it is the default on Postgres, and makes neither schema nor table', async () => {
  await using world = await open()
  await using channel = await EventChannel.open(world.place.url, { ...world.place.options, logger: silent })
  assert.is(channel.backend, 'notify')
  const taker = new Taker(channel, 'orders')
  await channel.publish('orders', 1)
  assert.is((await taker.take()).payload, 1)
  const schemas = await world.place.sql(`select from pg_namespace where nspname = '${world.place.options.schema}'`)
  assert.is(schemas.length, 0)
})

test('it works for a role that may create nothing, which cannot spill', async () => {
  await using world = await open()
  await using role = await bareRole(world.place)
  await using channel = await EventChannel.open(role.url, { ...world.place.options, logger: silent })
  const taker = new Taker(channel, 'orders')
  await rejects(channel.publish('orders', 'x'.repeat(10_000)), 'MIGRATION', /denied the right/)
  await channel.publish('orders', 'small')
  assert.is((await taker.take()).payload, 'small')
  assert.not(await hasTable(world.place, 'spill'))
})

test('publish resolves with nobody there, and who comes later gets nothing', async () => {
  await using world = await open()
  assert.match(await world.channel.publish('orders', 'missed'), /^[0-9a-f-]{36}$/)
  const taker = new Taker(world.channel, 'orders')
  await world.channel.publish('orders', 'caught')
  assert.is((await taker.take()).payload, 'caught')
})

test('what was published is delivered, with all that belongs to it', async () => {
  await using world = await open()
  const taker = new Taker(world.channel, 'orders')
  const payload = { text: `quotes ' " \\ $1 :name and \u0000 and \ud83d\ude00`, list: [1, null, true], a: { b: [] } }
  const id = await world.channel.publish('orders', payload, { metadata: { tenant: 'acme', no: 1 } })
  const event = await taker.take()
  assert.equal([event.id, event.channel, event.attempts, event.leaseExpiresAt], [id, 'orders', 1, null])
  assert.equal(event.payload, payload)
  assert.equal(event.metadata, { tenant: 'acme', no: 1 })
  assert.ok(Math.abs(event.createdAt.getTime() - Date.now()) < 10_000)
  assert.equal(event.availableAt, event.createdAt)
  assert.not(event.signal.aborted)
  await world.channel.publish('orders', 1)
  assert.equal((await taker.take()).metadata, {})
})

test('every kind of JSON is a payload', async () => {
  await using world = await open()
  const taker = new Taker(world.channel, 'any')
  const values = [null, true, 0, -1.5, 1e300, '', 'text', [], {}, [[]], '\u0000', '\ud800 alone', ',"s":1}', { s: 1 }]
  await world.channel.publishMany(values.map((payload) => ({ channel: 'any', payload })))
  assert.equal(payloads(await taker.takeMany(values.length)), values)
})

test('an ack is true, a nack is false, logged and counted, and nothing comes back', async () => {
  const logger = recorder()
  await using world = await open({ logger })
  const taker = new Taker(world.channel, 'orders')
  await world.channel.publishMany([1, 2, 3, 4].map((payload) => ({ channel: 'orders', payload })))
  assert.is(await (await taker.take()).ack(), true)
  assert.is(await world.channel.ack((await taker.take()).id), true)
  assert.is(await (await taker.take()).nack({ delayMs: 1, error: new Error('not today') }), false)
  assert.is(await world.channel.nack(await taker.take()), false)
  const { 'events.ack': acked, 'events.nack': nacked } = world.channel.telemetry.snapshot()
  assert.equal([acked, nacked], [2, 2])
  const told = logger.lines.filter(({ level }) => level === 'warn')
  const message = 'an event failed or was nacked, and does not come back: each subscriber gets it once'
  assert.equal(
    told.map((line) => line.message),
    [message, message],
  )
  assert.match(JSON.stringify(told[0]?.details), /not today/)
  await world.channel.publish('orders', 'next')
  assert.is((await taker.take()).payload, 'next')
})

test('events come in the order they were published, alone, at once and in bulk', async () => {
  await using world = await open()
  const taker = new Taker(await world.another(), 'orders')
  await taker.subscription.ready
  for (let i = 0; i < 5; i++) await world.channel.publish('orders', i)
  await Promise.all(Array.from({ length: 300 }, (_, i) => world.channel.publish('orders', 5 + i)))
  const ids = await world.channel.publishMany(
    Array.from({ length: 700 }, (_, i) => ({ channel: 'orders', payload: 305 + i })),
  )
  const events = await taker.takeMany(1_005)
  assert.equal(
    payloads(events),
    Array.from({ length: 1_005 }, (_, i) => i),
  )
  assert.equal(
    events.slice(305).map(({ id }) => id),
    ids,
  )
  const { 'events.publish': published, 'events.publish.native': native } = world.channel.telemetry.snapshot()
  assert.equal([published, native], [1_005, 1_005])
})

test("an event in the caller's transaction is delivered when that commits, and never when it rolls back", async () => {
  await using world = await open()
  const taker = new Taker(world.channel, 'orders')
  await taker.subscription.ready
  const [kept, dropped] = [await world.place.begin(), await world.place.begin()]
  const id = await world.channel.publish('orders', 'kept', { tx: kept.handle })
  await world.channel.publishMany([{ channel: 'orders', payload: 'kept, too' }], { tx: kept.handle })
  await world.channel.publish('orders', 'dropped', { tx: dropped.handle })
  await world.channel.publish('orders', 'before')
  assert.is((await taker.take()).payload, 'before')
  await dropped.rollback()
  await kept.commit()
  const event = await taker.take()
  assert.equal([event.id, event.payload], [id, 'kept'])
  assert.is((await taker.take()).payload, 'kept, too')
  await world.channel.publish('orders', 'after')
  assert.is((await taker.take()).payload, 'after')
})

test('options that need a store are refused by name, and nothing is sent', async () => {
  await using world = await open()
  const taker = new Taker(world.channel, 'orders')
  const refused = {
    delayMs: { delayMs: 0 },
    availableAt: { availableAt: new Date() },
    priority: { priority: 5 },
    key: { key: 'k' },
    maxAttempts: { maxAttempts: 1 },
  }
  for (const [name, options] of Object.entries(refused)) {
    await rejects(world.channel.publish('orders', name, options), 'UNSUPPORTED', new RegExp(`\\b${name}\\b`))
    const events = [
      { channel: 'orders', payload: 'fine' },
      { channel: 'orders', payload: name, ...options },
    ]
    await rejects(world.channel.publishMany(events), 'UNSUPPORTED', new RegExp(`\\b${name}\\b`))
  }
  await world.channel.publish('orders', 'sent')
  assert.is((await taker.take()).payload, 'sent')
})

test('there is nothing to count, to set aside or to publish synchronously', async () => {
  await using world = await open()
  await rejects(world.channel.stats(), 'UNSUPPORTED', /notify.*queue/)
  await rejects(world.channel.deadLetters.list(), 'UNSUPPORTED', /notify.*queue/)
  await rejects(world.channel.deadLetters.retry({ channel: 'orders' }), 'UNSUPPORTED', /notify.*queue/)
  await rejects(
    Promise.resolve().then(() => world.channel.publishSync('orders', 1)),
    'UNSUPPORTED',
    /SQLite/,
  )
})

test('a listener handles as many at a time as it may, and goes on after a handler threw', async () => {
  const logger = recorder()
  await using world = await open({ logger })
  let running = 0
  let most = 0
  const gates: (() => void)[] = []
  const handler = async ({ payload }: EventMessage) => {
    most = Math.max(most, ++running)
    await new Promise<void>((resolve) => gates.push(resolve))
    running--
    if (payload === 2) throw new Error('cannot handle 2')
  }
  world.channel.listen('orders', handler, { concurrency: 4 })
  await world.channel.publishMany(Array.from({ length: 12 }, (_, i) => ({ channel: 'orders', payload: i })))
  await eventually(SOON_MS, () => running === 4)
  const { telemetry } = world.channel
  await eventually(SOON_MS, () => {
    for (const finish of gates.splice(0)) finish()
    return telemetry.snapshot()['events.ack'] + telemetry.snapshot()['events.nack'] === 12
  })
  assert.is(most, 4)
  assert.is(telemetry.snapshot()['events.nack'], 1)
  assert.ok(logger.lines.some(({ level, details }) => level === 'warn' && /handle 2/.test(JSON.stringify(details))))
})

test('an event that the listener gives up on at its first attempt is logged, too', async () => {
  const logger = recorder()
  await using world = await open({ logger })
  const seen: unknown[] = []
  const handler = ({ payload }: EventMessage) => {
    seen.push(payload)
    throw new Error(`cannot handle ${payload}`)
  }
  world.channel.listen('orders', handler, { maxAttempts: 1 })
  await world.channel.publishMany([1, 2].map((payload) => ({ channel: 'orders', payload })))
  await eventually(SOON_MS, () => seen.length === 2)
  await world.channel.close()
  assert.ok(logger.lines.some(({ level, details }) => level === 'warn' && /handle 2/.test(JSON.stringify(details))))
})

test('a subscription ends by its signal', async () => {
  await using world = await open()
  const ending = new AbortController()
  const seen: unknown[] = []
  const loop = (async () => {
    for await (const { payload } of world.channel.subscribe('orders', { signal: ending.signal })) seen.push(payload)
  })()
  await world.channel.publish('orders', 1)
  await eventually(SOON_MS, () => seen.length === 1)
  ending.abort()
  await within(SOON_MS, loop)
})

test.run()
