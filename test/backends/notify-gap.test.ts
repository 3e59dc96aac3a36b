import pg from 'pg'
import * as assert from 'uvu/assert'
import { postgres } from '../../src/engines/sql/postgres.js'
import { EventChannel, type Gap } from '../../src/index.js'
import { database } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { recorder, silent } from '../support/logger.js'
import { connectionsOf, terminate, uniqueService } from '../support/postgres.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

const test = suite('notify gaps and connections')
const open = (options = {}) => World.open(database('postgres'), { backend: 'notify', ...options })
/** So that a flood does not fit into what the socket holds. */
const FILLER = { text: 'x'.repeat(80) }
const counters = ({ channel: { telemetry } }: World) => {
  const { 'events.deliver': seen = 0, 'events.gap': missed = 0 } = telemetry.snapshot()
  return { seen, missed }
}
const fail = () => {
  throw new Error('the cache is on fire')
}

test('a full buffer drops the oldest, counts them and tells onGap', async () => {
  await using world = await open()
  const gaps: Gap[] = []
  const small = new Taker(world.channel, 'orders', { bufferSize: 3, onGap: (gap) => gaps.push(gap) })
  const witness = new Taker(world.channel, 'orders')
  for (let i = 0; i < 10; i++) await world.channel.publish('orders', i)
  await witness.takeMany(10)
  const events = await small.takeMany(3)
  assert.equal(
    events.map(({ payload }) => payload),
    [7, 8, 9],
  )
  assert.equal(gaps, [{ reason: 'overflow', missed: 7, channels: ['orders'] }])
  assert.is(world.channel.telemetry.snapshot()['events.gap'], 7)
  await world.channel.publish('orders', 10)
  assert.is((await small.take()).payload, 10)
  assert.is(gaps.length, 1)
})

test('a listener with a quick handler misses nothing of a flood that fills the socket', async () => {
  await using world = await open()
  for (const concurrency of [1, 100]) {
    const before = counters(world)
    const listener = world.channel.listen('orders', () => undefined, { concurrency })
    await listener.ready
    const many = Array.from({ length: 60_000 }, (_, payload) => ({ channel: 'orders', payload, metadata: FILLER }))
    await world.channel.publishMany(many)
    await eventually(
      SOON_MS,
      () => counters(world).seen - before.seen + counters(world).missed - before.missed >= 60_000,
    )
    assert.is(counters(world).missed, 0)
    await listener.stop()
  }
})

test('an onGap that throws is logged and hurts nobody', async () => {
  const logger = recorder()
  const serviceName = uniqueService()
  await using world = await open({ logger, serviceName })
  const small = new Taker(world.channel, 'orders', { bufferSize: 1, onGap: fail })
  const witness = new Taker(world.channel, 'orders')
  await world.channel.publishMany([1, 2].map((payload) => ({ channel: 'orders', payload })))
  await witness.takeMany(2)
  assert.is((await small.take()).payload, 2)
  await terminate(world.place, `${serviceName} listen`)
  await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.reconnect'] === 1)
  await world.channel.publish('orders', 3)
  assert.is((await small.take()).payload, 3)
  assert.is(logger.lines.filter(({ message }) => /onGap/.test(message)).length, 2)
})

test('a LISTEN connection that is cut comes back, tells onGap, and events arrive again, time after time', async () => {
  const serviceName = uniqueService()
  await using world = await open({ serviceName })
  const publisher = await world.another({ serviceName: uniqueService() })
  const gaps: Gap[] = []
  const takers = ['orders', 'x'.repeat(100)].map(
    (name) => [name, new Taker(world.channel, name, { onGap: (gap) => gaps.push(gap) })] as const,
  )
  for (const [, { subscription }] of takers) await subscription.ready
  for (let round = 1; round <= 4; round++) {
    await terminate(world.place, `${serviceName} listen`)
    await eventually(SOON_MS, () => gaps.length === 2 * round)
    for (const [name, taker] of takers) {
      await publisher.publish(name, round)
      assert.is((await taker.take()).payload, round)
    }
    assert.is(world.channel.telemetry.snapshot()['events.reconnect'], round)
  }
  assert.ok(gaps.every(({ reason, missed }) => reason === 'reconnect' && missed === undefined))
  assert.equal(
    gaps
      .slice(0, 2)
      .map(({ channels }) => channels[0]?.length)
      .sort(),
    [100, 6],
  )
  assert.is(world.channel.telemetry.snapshot()['events.gap'], 8)
  assert.is((await connectionsOf(world.place, `${serviceName} listen`)).length, 1)
})

test('a subscription made just as the LISTEN connection is cut becomes live', async () => {
  const serviceName = uniqueService()
  await using world = await open({ serviceName })
  await world.channel.subscribe('first').ready
  for (let round = 0; round < 5; round++) {
    const name = `orders ${round}`
    const cut = terminate(world.place, `${serviceName} listen`)
    const takers = [new Taker(world.channel, name)]
    await cut
    takers.push(new Taker(world.channel, name))
    for (const { subscription } of takers) await within(SOON_MS, subscription.ready, `ready in round ${round}`)
    await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.reconnect'] === round + 1)
    await world.channel.publish(name, round)
    for (const taker of takers) assert.is((await taker.take()).payload, round)
  }
})

test('pool connections that are cut do not fail a publish', async () => {
  const serviceName = uniqueService()
  await using world = await open({ serviceName })
  const taker = new Taker(world.channel, 'orders')
  for (let round = 0; round < 3; round++) {
    await world.channel.publish('orders', round)
    assert.is((await taker.take()).payload, round)
    await terminate(world.place, serviceName)
  }
})

test('close ends the loops and leaves no connection behind', async () => {
  const serviceName = uniqueService()
  await using world = await open()
  const channel = await world.another({ serviceName })
  const loop = (async () => {
    for await (const event of channel.subscribe('orders')) await event.ack()
    return 'ended'
  })()
  channel.listen('orders', () => undefined)
  await channel.publish('orders', 1)
  const names = await connectionsOf(world.place, serviceName)
  assert.ok(names.includes(`${serviceName} listen`) && names.includes(serviceName), `${names}`)
  await within(SOON_MS, channel.close())
  assert.is(await within(SOON_MS, loop), 'ended')
  await eventually(SOON_MS, async () => (await connectionsOf(world.place, serviceName)).length === 0)
})

test('events that nobody acks do not pile up, nor hold up close', async () => {
  await using world = await open()
  const channel = await world.another()
  const taker = new Taker(channel, 'orders')
  await channel.publishMany(Array.from({ length: 100 }, (_, i) => ({ channel: 'orders', payload: i })))
  await taker.takeMany(100)
  const { 'events.in_hand': inHand } = channel.telemetry.snapshot()
  assert.ok(Number(inHand) <= 1, `${inHand} of 100 are kept`)
  // Who asks for the next one has finished with the one before.
  taker.take().catch(() => undefined)
  await within(2_000, channel.close({ drainMs: 10_000 }))
})

test('close while the LISTEN connection is being rebuilt leaves none behind', async () => {
  await using world = await open()
  for (let round = 0; round < 5; round++) {
    const serviceName = uniqueService()
    const channel = await world.another({ serviceName })
    await channel.subscribe('orders').ready
    await terminate(world.place, `${serviceName} listen`)
    if (round % 2) await eventually(SOON_MS, async () => (await connectionsOf(world.place, serviceName)).length > 0)
    await within(SOON_MS, channel.close())
    await eventually(SOON_MS, async () => (await connectionsOf(world.place, serviceName)).length === 0)
  }
})

test("a pool of the user's own works, and stays open after close", async () => {
  await using world = await open()
  const pool = new pg.Pool({ connectionString: world.place.url, max: 2 })
  {
    await using channel = await EventChannel.open(postgres({ pool }), { ...world.place.options, logger: silent })
    assert.is(channel.backend, 'notify')
    const taker = new Taker(channel, 'orders')
    await taker.subscription.ready
    await world.channel.publish('orders', 'from outside')
    await channel.publish('orders', 'by the pool')
    assert.equal((await taker.takeMany(2)).map(({ payload }) => payload).sort(), ['by the pool', 'from outside'])
  }
  assert.equal((await pool.query('select 1 as one')).rows, [{ one: 1 }])
  await pool.end()
})

test('a pool that does not say where its server is publishes, and needs listenUrl to subscribe', async () => {
  await using world = await open()
  const pool = new pg.Pool({ connectionString: world.place.url, max: 2 })
  const bare = { connect: () => pool.connect(), query: pool.query.bind(pool) } as unknown as pg.Pool
  const options = { ...world.place.options, logger: silent }
  await using told = await EventChannel.open(postgres({ pool: bare }), { ...options, listenUrl: world.place.url })
  await using untold = await EventChannel.open(postgres({ pool: bare }), options)
  assert.equal([told.backend, untold.backend], ['notify', 'notify'])
  const taker = new Taker(told, 'orders')
  await taker.subscription.ready
  await untold.publish('orders', 1)
  assert.is((await taker.take()).payload, 1)
  await rejects(untold.subscribe('orders').ready, 'UNSUPPORTED', /listenUrl/)
  await told.close()
  await untold.close()
  await pool.end()
})

test('with a listenUrl that leads elsewhere subscribing is refused, and publishing is heard', async () => {
  await using world = await open()
  const elsewhere = new URL(world.place.url)
  elsewhere.pathname = '/postgres'
  const logger = recorder()
  const options = { ...world.place.options, listenUrl: elsewhere.href, logger }
  await using channel = await EventChannel.open(world.place.url, options)
  const { failed, ready } = channel.listen('orders', () => undefined)
  for (const refused of [ready, failed]) await rejects(refused, 'UNSUPPORTED', /listenUrl/)
  const errors = logger.lines.filter(({ level }) => level === 'error')
  assert.is(errors.length, 1)
  assert.match(JSON.stringify(errors), /listenUrl/)
  assert.equal([channel.backend, channel.telemetry.snapshot()['events.fallback']], ['notify', 0])
  const taker = new Taker(world.channel, 'orders')
  await taker.subscription.ready
  await channel.publish('orders', 1)
  assert.is((await taker.take()).payload, 1)
})

test.run()
