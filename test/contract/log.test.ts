import * as assert from 'uvu/assert'
import { nextTurn } from '../../src/common/wait.js'
import type { ChannelOptions, EventChannel, SubscribeOptions } from '../../src/index.js'
import { DATABASES } from '../support/databases.js'
import { rejects, throws } from '../support/errors.js'
import { recorder } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/** Longest that counting takes, whatever others do, in milliseconds: a second, on a busy machine. */
const COUNTED_WITHIN_MS = 4_000
/** Longest until a subscription knows where the log ends, in milliseconds. */
const READY_WITHIN_MS = 4_000

const payloads = (events: readonly { payload: unknown }[]) => events.map(({ payload }) => payload)
const numbered = (channel: string, count: number) =>
  Array.from({ length: count }, (_, payload) => ({ channel, payload }))

for (const database of DATABASES) {
  const test = suite(`a log on ${database.name}`)
  const open = (options: ChannelOptions = {}) => World.open(database, { backend: 'log', ...options })

  test('a long log keeps nobody else from the event loop, however quick the handler', async () => {
    await using world = await open()
    for (let i = 0; i < 5; i++) await world.channel.publishMany(numbered('orders', 1_000))
    let handled = 0
    let handledInTurn = 0
    let most = 0
    const listener = world.channel.listen('orders', () => handledInTurn++, { from: 'earliest', concurrency: 100 })
    await listener.ready
    while (handled < 5_000) {
      await nextTurn()
      most = Math.max(most, handledInTurn)
      handled += handledInTurn
      handledInTurn = 0
    }
    assert.ok(most <= 1_500, `${most} in one turn`)
  })

  test('every subscriber gets every event, in the order of growing positions, without a lease', async () => {
    await using world = await open()
    const takers = [new Taker(world.channel, 'orders'), new Taker(await world.another(), 'orders')]
    await Promise.all(takers.map(({ subscription }) => subscription.ready))
    await world.channel.publish('orders', 0, { metadata: { tenant: 'acme' } })
    await world.channel.publishMany(numbered('orders', 5))
    for (const taker of takers) {
      const events = await taker.takeMany(6)
      assert.equal(payloads(events), [0, 0, 1, 2, 3, 4])
      assert.equal(events[0]?.metadata, { tenant: 'acme' })
      const positions = events.map(({ position }) => Number(position))
      assert.equal(
        positions,
        positions.toSorted((a, b) => a - b),
      )
      assert.is(new Set(positions).size, 6)
      assert.ok(events.every(({ leaseExpiresAt, attempts }) => leaseExpiresAt === null && attempts === 1))
      assert.is(await events[0]?.ack(), true)
    }
  })

  test('latest skips what was there before, earliest reads it, a position reads what comes after it', async () => {
    await using world = await open()
    await world.channel.publishMany(numbered('orders', 4))
    const latest = new Taker(world.channel, 'orders')
    await latest.subscription.ready
    const all = await new Taker(world.channel, 'orders', { from: 'earliest' }).takeMany(4)
    assert.equal(payloads(all), [0, 1, 2, 3])
    const position = Number(all[1]?.position)
    assert.equal(payloads(await new Taker(world.channel, 'orders', { from: position }).takeMany(2)), [2, 3])
    assert.equal(payloads(await new Taker(world.channel, 'orders', { from: 0 }).takeMany(4)), [0, 1, 2, 3])
    await world.channel.publish('orders', 'new')
    assert.is((await latest.take()).payload, 'new')
  })

  test('a position beyond the last event is refused, as is one that is none', async () => {
    await using world = await open()
    await world.channel.publish('orders', 1)
    const taker = new Taker(world.channel, 'orders', { from: 1_000 })
    await rejects(taker.subscription.ready, 'CONFIGURATION', /1000 is beyond the last event/)
    await rejects(taker.take(), 'CONFIGURATION', /beyond/)
    for (const from of [-1, 1.5, 'middle', null]) {
      throws(() => world.channel.subscribe('orders', { from: from as never }), 'CONFIGURATION', /from/)
    }
  })

  test('several channels come in the order of their positions', async () => {
    await using world = await open()
    const events = Array.from({ length: 60 }, (_, i) => ({ channel: `c${i % 3}`, payload: i }))
    for (let i = 0; i < 60; i += 10) await world.channel.publishMany(events.slice(i, i + 10))
    await world.channel.publish('another', 'unheard')
    const taken = await new Taker(world.channel, ['c0', 'c1', 'c2'], { from: 'earliest' }).takeMany(60)
    assert.equal(
      payloads(taken),
      events.map(({ payload }) => payload),
    )
  })

  test('stats counts what nobody has read yet', async () => {
    await using world = await open()
    await world.channel.publishMany(numbered('orders', 3))
    const [before, ...others] = await world.channel.stats('orders')
    assert.equal([before?.channel, others], ['orders', []])
    const taker = new Taker(world.channel, 'orders', { group: 'g', from: 'earliest' })
    const events = await taker.takeMany(3)
    assert.is(before?.head, events.at(-1)?.position)
    for (const event of events.slice(0, 2)) assert.is(await event.ack(), true)
    await taker.leave()
    await world.channel.publishMany(numbered('orders', 2))
    const [after] = await world.channel.stats()
    const group = { group: 'g', position: events[1]?.position, lag: 3 }
    assert.equal([after?.head, after?.groups], [Number(before?.head) + 2, [group]])
    assert.is((await world.channel.groups.get('g', 'orders'))?.lag, 3)
  })

  test("in the caller's transaction an event commits and rolls back with it", async () => {
    await using world = await open()
    const taker = new Taker(world.channel, 'orders')
    await taker.subscription.ready
    const dropped = await world.place.begin()
    await world.channel.publish('orders', 'dropped', { tx: dropped.handle })
    await dropped.rollback()
    const kept = await world.place.begin()
    await world.channel.publish('orders', 'kept', { tx: kept.handle })
    await kept.commit()
    assert.is((await taker.take()).payload, 'kept')
  })

  if (database.name !== 'sqlite') {
    test('what commits late is delivered late, and holds up nobody', async () => {
      await using world = await open()
      const takers = [new Taker(world.channel, 'orders'), new Taker(world.channel, 'orders', { group: 'g' })]
      await Promise.all(takers.map(({ subscription }) => subscription.ready))
      const slow = await world.place.begin()
      await world.channel.publish('orders', 'slow', { tx: slow.handle })
      await world.channel.publish('orders', 'quick')
      for (const taker of takers) assert.is((await taker.take(1_900)).payload, 'quick')
      await slow.commit()
      for (const taker of takers) assert.is((await taker.take()).payload, 'slow')
    })
  }

  if (database.name !== 'sqlite') {
    test('stats answers while a transaction stays open, and while somebody else gives positions', async () => {
      await using world = await open()
      const slow = await world.place.begin()
      await world.channel.publish('orders', 'slow', { tx: slow.handle })
      await world.channel.publish('orders', 'quick')
      const head = async () => (await within(COUNTED_WITHIN_MS, world.channel.stats('orders')))[0]?.head
      assert.is(await head(), 1)
      const other = await world.place.begin()
      await (other.handle as { query(sql: string): Promise<unknown> }).query(
        `select 1 from ${world.place.table('log_head')} for update`,
      )
      await slow.commit()
      assert.is(await head(), 1)
      await other.commit()
      assert.is(await head(), 2)
    })
  }

  if (database.name === 'postgres') {
    test('stats answers where the database takes no writes', async () => {
      await using world = await open()
      await world.channel.publish('orders', 1)
      const [stats] = await world.channel.stats('orders')
      await world.channel.publish('orders', 2)
      const url = new URL(world.place.url)
      url.searchParams.set('options', '-c default_transaction_read_only=on')
      const logger = recorder()
      const reading = await world.another({ logger }, url.href)
      assert.equal(await reading.stats('orders'), [stats])
      assert.ok(
        logger.lines.some(({ level, details }) => level === 'warn' && /read-only/.test(JSON.stringify(details))),
      )
    })
  }

  if (database.family === 'mysql') {
    test('a subscription is ready while others publish', async () => {
      await using world = await open()
      const [incoming, head] = ['log_incoming', 'log_head'].map((name) => world.place.table(name))
      // Whenever events get their positions, another one comes.
      await world.place.sql(
        `create trigger ${head}_moved after update on ${head} for each row insert into ${incoming} (id, channel, payload, created_at) values (uuid(), 'others', '1', utc_timestamp(6))`,
      )
      await world.channel.publish('orders', 'old')
      const taker = new Taker(world.channel, 'orders')
      await within(READY_WITHIN_MS, taker.subscription.ready, 'the subscription')
      await world.channel.publish('orders', 'new')
      assert.is((await taker.take()).payload, 'new')
    })
  }

  if (database.name === 'sqlite') {
    test('publishSync appends, and rolls back with the transaction of its caller', async () => {
      await using world = await open()
      const taker = new Taker(world.channel, 'orders')
      await taker.subscription.ready
      const dropped = await world.place.begin()
      world.channel.publishSync('orders', 'dropped', { tx: dropped.handle })
      await dropped.rollback()
      const id = world.channel.publishSync('orders', 'kept')
      const event = await taker.take()
      assert.equal([event.id, event.payload], [id, 'kept'])
    })
  }

  test('autoAck moves the checkpoint of a group as the loop goes on', async () => {
    await using world = await open()
    await world.channel.publishMany(numbered('orders', 3))
    const seen: unknown[] = []
    for await (const { payload } of world.channel.subscribe('orders', {
      group: 'g',
      from: 'earliest',
      autoAck: true,
    })) {
      seen.push(payload)
      if (seen.length === 2) break
    }
    await eventually(SOON_MS, async () => (await world.channel.groups.get('g', 'orders'))?.lag === 2)
    const event = await new Taker(world.channel, 'orders', { group: 'g' }).take()
    assert.is(event.payload, 1)
  })

  test('options that schedule are refused, and nothing is stored', async () => {
    await using world = await open()
    for (const options of [
      { delayMs: 5 },
      { priority: 1 },
      { key: 'k' },
      { availableAt: new Date() },
      { maxAttempts: 2 },
    ]) {
      await rejects(world.channel.publish('orders', 1, options), 'UNSUPPORTED', /backend: 'queue'/)
    }
    assert.equal(await world.channel.stats(), [])
  })

  test('a nack is false and logged: each subscriber gets an event once', async () => {
    const logger = recorder()
    await using world = await open({ logger })
    const taker = new Taker(world.channel, 'orders')
    await world.channel.publishMany(numbered('orders', 2))
    assert.is(await (await taker.take()).nack({ error: new Error('not today') }), false)
    assert.is((await taker.take()).payload, 1)
    assert.ok(logger.lines.some(({ level, details }) => level === 'warn' && /not today/.test(JSON.stringify(details))))
  })

  test('a listener with concurrency handles each event', async () => {
    await using world = await open()
    const seen = new Set<unknown>()
    world.channel.listen('orders', async ({ payload }) => void seen.add(payload), { concurrency: 10 })
    await world.channel.publishMany(numbered('orders', 2_000))
    await eventually(SOON_MS, () => seen.size === 2_000)
    await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.ack'] === 2_000)
  })

  test('an event with a payload of a megabyte, and a thousand at once, arrive whole', async () => {
    await using world = await open()
    const taker = new Taker(world.channel, 'orders')
    const large = 'x'.repeat(2 ** 20 - 2)
    await world.channel.publish('orders', large)
    assert.is((await taker.take()).payload, large)
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => world.channel.publish('orders', i)))
    assert.equal(
      payloads(await taker.takeMany(1_000)),
      Array.from({ length: 1_000 }, (_, i) => i),
    )
  })

  test('retention deletes from the tail, and not what a group has not read', async () => {
    await using world = await open({ retentionMs: 10_000 })
    const group = new Taker(world.channel, 'read', { group: 'g', from: 'earliest' })
    await world.channel.publishMany([...numbered('read', 3), ...numbered('unread', 2), ...numbered('free', 2)])
    await (await group.take()).ack()
    await new Taker(world.channel, 'unread', { group: 'g', from: 'earliest' }).subscription.ready
    await world.place.sql(`update ${world.place.table('log')} set created_at = ${database.ago(60)}`)
    await world.channel.publish('free', 'young')
    const left = async () =>
      (await world.place.sql(`select channel from ${world.place.table('log')}`)).map(({ channel }) => channel)
    await eventually(10_000, async () => (await left()).length === 5, 50)
    assert.equal((await left()).toSorted(), ['free', 'read', 'read', 'unread', 'unread'])
  })

  test('dropUnread lets retention pass over groups', async () => {
    await using world = await open({ retentionMs: 10_000, dropUnread: true })
    await new Taker(world.channel, 'orders', { group: 'g', from: 'earliest' }).subscription.ready
    await world.channel.publishMany(numbered('orders', 3))
    const rows = () => world.place.sql(`select channel from ${world.place.table('log')}`)
    await eventually(SOON_MS, async () => (await rows()).length === 3)
    await world.place.sql(`update ${world.place.table('log')} set created_at = ${database.ago(60)}`)
    await world.channel.publish('orders', 'young')
    await eventually(10_000, async () => (await rows()).length === 1, 50)
  })

  test('a subscription that cannot go on says so', async () => {
    await using world = await open()
    const taker = new Taker(world.channel, 'orders')
    await taker.subscription.ready
    await world.place.sql(`drop table ${world.place.table('log')}`)
    await rejects(taker.take(), 'MIGRATION', /tables are/)
  })

  test('a queue and a log of one name do not meet', async () => {
    await using world = await open()
    const queue = await world.another({ backend: 'queue' })
    const log = new Taker(world.channel, 'orders')
    await log.subscription.ready
    await queue.publish('orders', 'queued')
    await world.channel.publish('orders', 'logged')
    assert.is((await log.take()).payload, 'logged')
    assert.is((await new Taker(queue, 'orders').take()).payload, 'queued')
    throws(() => queue.subscribe('orders', { group: 'g' }), 'UNSUPPORTED', /backend: 'log'/)
    throws(() => queue.listen('orders', () => undefined, { from: 'earliest' }), 'UNSUPPORTED', /from/)
    await rejects(queue.groups.list(), 'UNSUPPORTED', /backend: 'log'/)
  })

  test('nor do their dead letters: each lists and counts its own', async () => {
    await using world = await open({ maxAttempts: 1 })
    const queue = await world.another({ backend: 'queue', maxAttempts: 1 })
    const die = async (channel: EventChannel, name: string, options: SubscribeOptions) => {
      await channel.publish(name, 1)
      assert.is(await (await new Taker(channel, name, options).take()).nack(), true)
    }
    for (const group of ['g', 'h']) await die(world.channel, 'both', { group, from: 'earliest' })
    await die(world.channel, 'logged', { group: 'g', from: 'earliest' })
    for (const name of ['both', 'queued']) await die(queue, name, {})
    const counted = async (channel: EventChannel) => (await channel.stats()).map((stats) => [stats.channel, stats.dead])
    assert.equal(await counted(queue), [
      ['both', 1],
      ['queued', 1],
    ])
    assert.equal(await counted(world.channel), [
      ['both', 2],
      ['logged', 1],
    ])
    assert.equal((await queue.stats('logged')).length, 0)
    assert.equal((await world.channel.stats('queued')).length, 0)
    for (const [channel, count] of [
      [queue, 2],
      [world.channel, 3],
    ] as const) {
      assert.is((await channel.deadLetters.list()).length, count)
    }
  })

  test.run()
}
