import pg from 'pg'
import * as assert from 'uvu/assert'
import { postgres } from '../src/engines/sql/postgres.js'
import type { CounterName, TelemetryFact } from '../src/index.js'
import { EventChannel } from '../src/index.js'
import { database } from './support/databases.js'
import { rejects, throws } from './support/errors.js'
import { assertCounted, COUNTERS } from './support/facts.js'
import { recorder, silent } from './support/logger.js'
import { terminate, uniqueService } from './support/postgres.js'
import { SETTINGS } from './support/settings.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'
import { SOON_MS, Taker, type World } from './support/world.js'

/** The counters that are not zero; polls come and go by themselves. */
function counted(channel: EventChannel): Partial<Record<CounterName, number>> {
  const snapshot = channel.telemetry.snapshot()
  const names = COUNTERS.filter((name) => snapshot[name] !== 0 && name !== 'events.poll.empty')
  return Object.fromEntries(names.map((name) => [name, snapshot[name]]))
}

/** Adds up what is streamed, to be held against the snapshot. */
function follow(channel: EventChannel) {
  const facts: TelemetryFact[] = []
  channel.telemetry.on((fact) => void facts.push(fact))
  return {
    facts,
    assertSame(): void {
      assertCounted(facts, channel.telemetry.snapshot())
    },
  }
}

for (const setting of SETTINGS) {
  const test = suite(`telemetry, ${setting.name}`)
  const isQueue = setting.backend === 'queue'
  const native = (count: number) => (isQueue ? {} : { 'events.publish.native': count })

  test('a snapshot is a plain object that names every counter', async () => {
    await using world = await setting.open()
    const snapshot = world.channel.telemetry.snapshot()
    assert.is(Object.getPrototypeOf(snapshot), Object.prototype)
    for (const name of COUNTERS) assert.is(snapshot[name], 0, name)
    assert.ok(Object.values(snapshot).every((value) => Number.isFinite(value)))
    assert.equal(JSON.parse(JSON.stringify(snapshot)), snapshot)
  })

  test('publishing is counted when it succeeded, delivering when it is in hand, acking when it held', async () => {
    await using world = await setting.open()
    const { channel } = world
    const stream = follow(channel)
    const taker = new Taker(channel, 'orders')
    await taker.subscription.ready
    await channel.publish('orders', 1)
    await channel.publishMany([2, 3].map((payload) => ({ channel: 'orders', payload })))
    await channel.publishMany([])
    await rejects(channel.publish('orders', undefined), 'PAYLOAD', /./)
    await rejects(channel.publish('orders', 1, { priority: 0 }), 'CONFIGURATION', /./)
    await rejects(
      channel.publishMany([
        { channel: 'orders', payload: 1 },
        { channel: 'orders', payload: undefined },
      ]),
      'PAYLOAD',
      /./,
    )
    assert.equal(counted(channel), { 'events.publish': 3, ...native(3) })
    const first = await taker.take()
    assert.equal(counted(channel), { 'events.publish': 3, ...native(3), 'events.deliver': 1 })
    assert.equal(await Promise.all([first.ack(), first.ack()]), [true, true])
    await first.ack()
    assert.equal(counted(channel), { 'events.publish': 3, ...native(3), 'events.deliver': 1, 'events.ack': 1 })
    stream.assertSame()
    const published = stream.facts.filter((fact) => fact.type === 'published')
    assert.equal(
      published.map((fact) => fact.channel),
      ['orders', 'orders', 'orders'],
    )
  })

  test('a listener is counted when it is live and when it has stopped, once each', async () => {
    await using world = await setting.open()
    const { channel } = world
    const stream = follow(channel)
    const [first, second] = [channel.listen('orders', () => undefined), channel.listen('orders', () => undefined)]
    await Promise.all([first.ready, second.ready])
    await eventually(SOON_MS, () => counted(channel)['events.listener.start'] === 2)
    assert.is(counted(channel)['events.listener.stop'], undefined)
    await Promise.all([first.stop(), first.stop()])
    await channel.stopListener(first.id)
    assert.is(counted(channel)['events.listener.stop'], 1)
    await channel.close({ drainMs: 0 })
    assert.equal(counted(channel), { 'events.listener.start': 2, 'events.listener.stop': 2 })
    stream.assertSame()
  })

  test('an observer that throws, or fails later, harms neither events nor other observers', async () => {
    await using world = await setting.open()
    const { channel } = world
    const unhandled: unknown[] = []
    const onUnhandled = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', onUnhandled)
    channel.telemetry.on(() => {
      throw new Error('thrown by an observer')
    })
    channel.telemetry.on(async () => {
      throw new Error('rejected by an observer')
    })
    const stream = follow(channel)
    const ended: unknown[] = []
    const end = channel.telemetry.on((fact) => void ended.push(fact))
    end()
    end()
    const taker = new Taker(channel, 'orders')
    await channel.publish('orders', 1)
    assert.is(await (await taker.take()).ack(), true)
    await new Promise(setImmediate)
    process.off('unhandledRejection', onUnhandled)
    assert.equal(unhandled, [])
    assert.equal(ended, [])
    stream.assertSame()
    throws(() => channel.telemetry.on('fact' as never), 'CONFIGURATION', /telemetry\.on: pass a function/)
  })

  if (isQueue) {
    test('nacks, redeliveries and dead letters are counted once each', async () => {
      await using world = await setting.open({ maxAttempts: 2 })
      const { channel } = world
      const stream = follow(channel)
      const taker = new Taker(channel, 'orders')
      await channel.publish('orders', 1)
      await (await taker.take()).nack()
      const again = await taker.take()
      const before = { 'events.publish': 1, 'events.deliver': 2, 'events.redeliver': 1, 'events.nack': 1 }
      assert.equal(counted(channel), before)
      await again.nack({ error: 'enough' })
      assert.equal(counted(channel), { ...before, 'events.nack': 2, 'events.dead': 1 })
      stream.assertSame()
    })

    test('a lost lease is counted once, and the ack that found out is no ack', async () => {
      await using world = await setting.open()
      const { channel, place } = world
      const stream = follow(channel)
      await channel.publish('orders', 1)
      const event = await new Taker(channel, 'orders').take()
      const other = '01890000-0000-4000-8000-000000000000'
      await place.sql(`update ${place.table('queue')} set lease_token = '${other}'`)
      assert.is(await event.ack(), false)
      assert.is(await event.ack(), false)
      assert.is(await event.nack(), false)
      assert.ok(event.signal.aborted)
      assert.equal(counted(channel), { 'events.publish': 1, 'events.deliver': 1, 'events.lease.lost': 1 })
      stream.assertSame()
    })

    test('what the database refused is not counted; what went through later is', async () => {
      await using world = await setting.open()
      const { channel } = world
      const taker = new Taker(channel, 'orders')
      await channel.publish('orders', 1)
      const event = await taker.take()
      await rename(world, 'queue', 'queue_away')
      await rejects(channel.publish('orders', 2), 'MIGRATION', /./)
      await rejects(event.ack(), 'MIGRATION', /./)
      assert.equal(counted(channel), { 'events.publish': 1, 'events.deliver': 1 })
      await rename(world, 'queue_away', 'queue')
      assert.is(await event.ack(), true)
      assert.equal(counted(channel), { 'events.publish': 1, 'events.deliver': 1, 'events.ack': 1 })
    })

    test('looking in vain is counted', async () => {
      await using world = await setting.open({ pollIntervalMs: 20 })
      await world.channel.subscribe('orders').ready
      await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.poll.empty'] >= 3)
    })
  }

  test('what bestEffort dropped is counted by events', async () => {
    await using world = await setting.open({ bestEffort: true })
    const stream = follow(world.channel)
    await world.channel.publish('orders', undefined)
    await world.channel.publishMany([undefined, 1].map((payload) => ({ channel: 'orders', payload })))
    assert.equal(counted(world.channel), { 'events.publish.dropped': 3 })
    stream.assertSame()
  })

  if (setting.database.name === 'postgres') {
    test('a LISTEN connection that came back is counted once, and for notify the gap of each subscriber', async () => {
      const serviceName = uniqueService()
      await using world = await setting.open({ serviceName })
      const { channel, place } = world
      const stream = follow(channel)
      await Promise.all(['a', 'b'].map((name) => channel.subscribe(name).ready))
      await terminate(place, `${serviceName} listen`)
      await eventually(SOON_MS, () => counted(channel)['events.reconnect'] === 1)
      assert.equal(counted(channel), { 'events.reconnect': 1, ...(isQueue ? {} : { 'events.gap': 2 }) })
      stream.assertSame()
    })
  }

  test.run()
}

async function rename({ place }: World, from: string, to: string): Promise<void> {
  await place.sql(`alter table ${place.table(from)} rename to ${place.table(to).split('.').at(-1)}`)
}

const test = suite('telemetry of what only one setting has')

test('a queue whose wake-ups cannot be had is counted as a fallback, once, and polls', async () => {
  await using place = await database('postgres').place()
  const pool = new pg.Pool({ connectionString: place.url })
  // A wrapper, as many have one: it does not say where its server is.
  const wrapper = { connect: () => pool.connect(), query: (config: pg.QueryConfig) => pool.query(config) }
  const logger = recorder()
  const options = { backend: 'queue', logger, pollIntervalMs: 50, ...place.options } as const
  const channel = await EventChannel.open(postgres({ pool: wrapper }), options)
  const taker = new Taker(channel, 'orders')
  await Promise.all([taker.subscription.ready, channel.subscribe('others').ready])
  assert.equal(counted(channel), { 'events.fallback': 1 })
  assert.is(logger.lines.filter(({ message }) => /polling instead/.test(message)).length, 1)
  const publisher = await EventChannel.open(place.url, { backend: 'queue', logger: silent, ...place.options })
  await publisher.publish('orders', 1)
  assert.is((await taker.take()).payload, 1)
  await Promise.all([channel, publisher].map((each) => each.close({ drainMs: 0 })))
  await pool.end()
})

test('a full buffer is counted by what it dropped', async () => {
  const notify = SETTINGS.find(({ backend }) => backend === 'notify')
  await using world = await (notify as (typeof SETTINGS)[number]).open()
  const { channel } = world
  const stream = follow(channel)
  const gaps: unknown[] = []
  const onGap = async ({ missed }: { missed: number | undefined }) => {
    gaps.push(missed)
    throw new Error('the cache cannot be flushed')
  }
  const taker = new Taker(channel, 'orders', { bufferSize: 5, onGap })
  await taker.subscription.ready
  const other = new Taker(channel, 'orders')
  await other.subscription.ready
  await channel.publishMany(Array.from({ length: 12 }, (_, payload) => ({ channel: 'orders', payload })))
  await other.takeMany(12)
  assert.is((await taker.take()).payload, 7)
  assert.equal(gaps, [7])
  assert.is(counted(channel)['events.gap'], 7)
  stream.assertSame()
})

test.run()
