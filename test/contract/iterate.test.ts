import { randomUUID } from 'node:crypto'
import * as assert from 'uvu/assert'
import { recorder } from '../support/logger.js'
import { contract, SUBJECTS } from '../support/subjects.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

for (const subject of SUBJECTS) {
  const test = contract(`iterate over a queue on ${subject.name}`, subject)
  const open = (options = {}) => World.open(subject, options)

  test('one subscription takes from several channels in turn', async () => {
    await using world = await open()
    for (let i = 0; i < 6; i++) await world.channel.publish(i % 2 ? 'odd' : 'even', i)
    const events = await new Taker(world.channel, ['odd', 'even']).takeMany(6)
    assert.equal(events.map(({ payload }) => payload).sort(), [0, 1, 2, 3, 4, 5])
    assert.ok(events.every(({ channel, payload }) => channel === (Number(payload) % 2 ? 'odd' : 'even')))
  })

  test('two consumers share a channel, and no event is delivered twice', async () => {
    await using world = await open()
    const channels = [world.channel, await world.another()]
    await world.channel.publishMany(Array.from({ length: 400 }, (_, i) => ({ channel: 'orders', payload: i })))
    const seen: unknown[] = []
    const consume = async (channel: World['channel']) => {
      for await (const event of channel.subscribe('orders')) {
        seen.push(event.payload)
        await event.ack()
        if (seen.length === 400) await Promise.all(channels.map((each) => each.close()))
      }
    }
    await within(15_000, Promise.all(channels.map(consume)))
    assert.is(seen.length, 400)
    assert.is(new Set(seen).size, 400)
  })

  test('leaving the loop gives back what was fetched and not handed out, with its attempt', async () => {
    await using world = await open()
    await world.channel.publishMany(Array.from({ length: 20 }, (_, i) => ({ channel: 'orders', payload: i })))
    for await (const event of world.channel.subscribe('orders', { prefetch: 10 })) {
      await eventually(SOON_MS, () => Number(world.channel.telemetry.snapshot()['events.buffered']) >= 10)
      await event.ack()
      break
    }
    const [stats] = await world.channel.stats('orders')
    assert.is(stats?.leased, 0)
    assert.is(stats?.ready, 19)
    const rest = await new Taker(await world.another(), 'orders').takeMany(19)
    assert.ok(rest.every(({ attempts }) => attempts === 1))
  })

  test('a consumer that does not ask is not served', async () => {
    await using world = await open()
    await world.channel.publishMany(Array.from({ length: 200 }, (_, i) => ({ channel: 'orders', payload: i })))
    const taker = new Taker(world.channel, 'orders', { prefetch: 5 })
    await taker.take()
    await eventually(SOON_MS, () => Number(world.channel.telemetry.snapshot()['events.buffered']) >= 5)
    const [stats] = await world.channel.stats('orders')
    assert.ok(Number(stats?.leased) <= 7, `${stats?.leased} leased`)
  })

  test('autoAck acks an event when the next is asked for', async () => {
    await using world = await open()
    await world.channel.publishMany([1, 2, 3].map((payload) => ({ channel: 'orders', payload })))
    const taker = new Taker(world.channel, 'orders', { autoAck: true })
    await taker.takeMany(3)
    await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.ack'] === 2)
    await taker.leave()
    const [stats] = await world.channel.stats('orders')
    assert.is(stats?.leased, 0)
    assert.is(stats?.ready, 1, 'the one it was left with')
  })

  test.needs('lease')('an expired lease is redelivered and its old ack refused', async () => {
    await using world = await open()
    await world.channel.publish('orders', 1)
    const first = await new Taker(world.channel, 'orders').take()
    await world.endLeases()
    const second = await new Taker(await world.another(), 'orders').take()
    assert.is(second.id, first.id)
    assert.is(second.attempts, 2)
    assert.is(await first.ack(), false)
    assert.is(await first.nack(), false)
    assert.is(await first.extend(1_000), false)
    assert.is(world.channel.telemetry.snapshot()['events.lease.lost'], 1)
    assert.is(await second.ack(), true)
    assert.equal(await world.channel.stats('orders'), [])
  })

  test.needs('lease', 'dedupeKey')('acks that travel together are judged one by one', async () => {
    for (const keys of [[], ['a', 'b', 'c']]) {
      await using world = await open()
      const events = [0, 1, 2].map((payload) => ({ channel: 'orders', payload }))
      await world.channel.publishMany(keys.length === 0 ? events : events.map((e, i) => ({ ...e, key: `${keys[i]}` })))
      const taken = await new Taker(world.channel, 'orders').takeMany(3)
      const queue = world.place.table('queue')
      await world.place.sql(`update ${queue} set lease_token = '${randomUUID()}' where id = '${taken[1]?.id}'`)
      assert.equal(await Promise.all(taken.map((event) => event.ack())), [true, false, true])
      const kept = await world.place.sql(`select id from ${world.place.table('history')} order by id`)
      assert.equal(
        kept.map(({ id }) => id),
        [taken[0]?.id, taken[2]?.id],
      )
      assert.equal(
        (await world.place.sql(`select id from ${queue}`)).map(({ id }) => id),
        [taken[1]?.id],
      )
      assert.is(world.channel.telemetry.snapshot()['events.ack'], 2)
      assert.is(world.channel.telemetry.snapshot()['events.lease.lost'], 1)
      const keyed = await world.place.sql(`select id from ${world.place.table('dedupe')}`)
      assert.is(keyed.length, keys.length === 0 ? 0 : 1)
    }
  })

  test.needs('priority', 'maxAttempts')(
    'events that are claimed together keep what is their own: payload, metadata, key, priority, attempts, error',
    async () => {
      await using world = await open()
      const sizes = [1, 30_000, 10, 9_990, 100, 12_000, 0]
      const events = sizes.map((size, i) => ({
        channel: 'orders',
        payload: { no: i, text: '€,"]['.repeat(size / 5) },
        priority: i % 2 ? 3 : 7,
        maxAttempts: 3 + i,
        ...(i % 3 === 0 && { metadata: { tenant: `t${i}`, big: 'm'.repeat(size) } }),
        ...(i % 3 === 1 && { key: `key ${i}` }),
      }))
      const ids = await world.channel.publishMany(events)
      const order = [1, 3, 5, 0, 2, 4, 6]
      const taker = new Taker(world.channel, 'orders', { prefetch: 20 })
      const first = await taker.takeMany(7)
      await taker.leave()
      assert.equal(
        first.map(({ id }) => id),
        order.map((i) => ids[i]),
      )
      assert.equal(
        first.map(({ payload }) => payload),
        order.map((i) => events[i]?.payload),
      )
      assert.equal(
        first.map(({ metadata }) => metadata),
        order.map((i) => events[i]?.metadata ?? {}),
      )
      await Promise.all(first.map((event, i) => event.nack({ error: `failed ${i}` })))

      const second = await new Taker(await world.another(), 'orders', { prefetch: 20 }).takeMany(7)
      assert.ok(second.every(({ attempts }) => attempts === 2))
      assert.equal(new Set(second.map(({ payload }) => JSON.stringify(payload))).size, 7)
      assert.ok((await Promise.all(second.map((event) => event.ack()))).every(Boolean))
      assert.is.not(await world.channel.publish('orders', 'next', { key: 'key 1' }), ids[1])
    },
  )

  test.needs('lease')('the signal of an event aborts when its lease is lost', async () => {
    await using world = await open({ leaseMs: 600 })
    await world.channel.publish('orders', 1)
    const first = await new Taker(world.channel, 'orders').take()
    const { signal } = first
    assert.not(signal.aborted)
    const rival = new Taker(await world.another({ leaseMs: 60_000, pollIntervalMs: 20 }), 'orders')
    let isTaken = false
    const taking = rival.take().then(() => {
      isTaken = true
    })
    // The heartbeat of the first holder may extend a lease that has ended before the rival claims the event.
    await eventually(SOON_MS, async () => {
      if (!isTaken) await world.endLeases()
      return isTaken
    })
    await taking
    await eventually(SOON_MS, () => signal.aborted)
    assert.match(signal.reason.message, /lease/)
    assert.is(await first.ack(), false)
  })

  test.needs('lease')('a lease that ended can still be acked while nobody took the event', async () => {
    await using world = await open()
    await world.channel.publish('orders', 1)
    const event = await new Taker(world.channel, 'orders').take()
    await world.endLeases()
    assert.is(await event.ack(), true)
  })

  test.needs('lease')('the heartbeat keeps alive what is in hand and what is buffered', async () => {
    await using world = await open({ leaseMs: 300 })
    await world.channel.publishMany([1, 2, 3].map((payload) => ({ channel: 'orders', payload })))
    const taker = new Taker(world.channel, 'orders', { prefetch: 10 })
    const first = await taker.take()
    const { leaseExpiresAt } = first
    const rival = new Taker(await world.another(), 'orders')
    const stolen = rival.take(20_000).then(
      () => true,
      () => false,
    )
    await eventually(SOON_MS, () => Number(first.leaseExpiresAt) - Number(leaseExpiresAt) > 900)
    assert.is(await first.ack(), true)
    for (const event of await taker.takeMany(2)) {
      assert.is(event.attempts, 1)
      assert.is(await event.ack(), true)
    }
    await rival.leave()
    assert.is(await stolen, false)
  })

  test.needs('lease')('extend makes a lease last longer, and the heartbeat does not shorten it', async () => {
    await using world = await open({ leaseMs: 200 })
    await world.channel.publish('orders', 1)
    const event = await new Taker(world.channel, 'orders').take()
    assert.is(await event.extend(60_000), true)
    const extended = Number(event.leaseExpiresAt)
    assert.ok(extended - Date.now() > 50_000)
    await world.channel.publish('orders', 2)
    await eventually(SOON_MS, async () => (await world.channel.stats('orders'))[0]?.leased === 1)
    assert.is(Number(event.leaseExpiresAt), extended)
  })

  test('a nack gives back at once or later, and counts the attempt', async () => {
    await using world = await open()
    await world.channel.publish('orders', 1)
    const taker = new Taker(world.channel, 'orders')
    assert.is(await (await taker.take()).nack(), true)
    const second = await taker.take()
    assert.is(second.attempts, 2)
    const started = performance.now()
    assert.is(await second.nack({ delayMs: 200, error: new Error('not yet') }), true)
    const third = await taker.take()
    assert.is(third.attempts, 3)
    assert.ok(performance.now() - started >= 195)
    assert.ok(performance.now() - started < 900)
    assert.is(world.channel.telemetry.snapshot()['events.redeliver'], 2)
  })

  test('settling twice is settling once, and the first way counts', async () => {
    await using world = await open()
    await world.channel.publish('orders', 1)
    const event = await new Taker(world.channel, 'orders').take()
    assert.equal(await Promise.all([event.ack(), event.ack(), event.nack()]), [true, true, false])
    assert.is(world.channel.telemetry.snapshot()['events.ack'], 1)
    assert.is(world.channel.telemetry.snapshot()['events.nack'], 0)
  })

  test.needs('tables')('what is settled cannot be extended, and the database is not asked', async () => {
    await using world = await open()
    await world.channel.publishMany([1, 2].map((payload) => ({ channel: 'orders', payload })))
    const [acked, nacked] = await new Taker(world.channel, 'orders').takeMany(2)
    assert.ok(acked && nacked)
    assert.equal(await Promise.all([acked.ack(), nacked.nack({ delayMs: 60_000 })]), [true, true])
    await world.place.sql(`drop table ${world.place.table('queue')}`)
    assert.equal(await Promise.all([acked.extend(1_000), nacked.extend(1_000)]), [false, false])
    assert.is(world.channel.telemetry.snapshot()['events.lease.lost'], 0)
  })

  test.needs('lease')('ack and nack also go by event and by id', async () => {
    await using world = await open()
    await world.channel.publishMany([1, 2, 3].map((payload) => ({ channel: 'orders', payload })))
    const [first, second, third] = await new Taker(world.channel, 'orders').takeMany(3)
    assert.ok(first && second && third)
    assert.is(await world.channel.ack(first), true)
    assert.is(await world.channel.ack(second.id), true)
    assert.is(await world.channel.nack(third.id, { delayMs: 60_000 }), true)
    const [stats] = await world.channel.stats('orders')
    assert.equal([stats?.ready, stats?.leased, stats?.scheduled], [0, 0, 1])
  })

  test.needs('lease', 'maxAttempts')(
    'an event whose holders keep dying is set aside by the claim that finds its attempts used up',
    async () => {
      const logger = recorder()
      await using world = await open({ logger, maxAttempts: 2 })
      await world.channel.publish('orders', 'poison')
      for (const attempt of [1, 2]) {
        const event = await new Taker(await world.another({ leaseMs: 60_000 }), 'orders').take()
        assert.is(event.attempts, attempt)
        await world.endLeases()
      }
      await world.channel.publish('orders', 'good')
      const taker = new Taker(world.channel, 'orders')
      assert.is((await taker.take()).payload, 'good')
      await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.dead'] === 1)
      const [letter] = await world.channel.deadLetters.list()
      assert.is(letter?.payload, 'poison')
      assert.is(letter?.attempts, 2)
      assert.match(letter?.error ?? '', /never settled/)
      const about = { id: letter?.id, channel: 'orders', attempts: 2, error: letter?.error }
      assert.equal(
        logger.lines.filter(({ message }) => message === 'an event became a dead letter'),
        [{ level: 'warn', message: 'an event became a dead letter', details: about }],
      )
    },
  )

  test('another process finds it at once', async () => {
    await using world = await open({ pollIntervalMs: 60_000 })
    const taker = new Taker(await world.another(), 'orders')
    await taker.subscription.ready
    for (let i = 0; i < 5; i++) {
      await world.channel.publish('orders', i)
      const event = await taker.take(2_000)
      assert.is(event.payload, i)
      await event.ack()
    }
    await world.channel.publish('orders', 'given back')
    const held = await taker.take(2_000)
    const other = new Taker(await world.another(), 'orders')
    const next = other.take(2_000)
    await other.subscription.ready
    await held.nack()
    const again = await Promise.race([next, taker.take(2_000)])
    assert.is(again.attempts, 2)
    await taker.leave()
    await next.catch(() => undefined)
  })

  test('a subscription ends by its signal, and at once when that has aborted already', async () => {
    await using world = await open()
    const ending = new AbortController()
    const loop = (async () => {
      for await (const _ of world.channel.subscribe('orders', { signal: ending.signal }));
      return 'ended'
    })()
    ending.abort()
    assert.is(await within(SOON_MS, loop), 'ended')
    for await (const _ of world.channel.subscribe('orders', { signal: ending.signal })) assert.unreachable()
  })

  test('unsettled events of a closed subscription can still be settled', async () => {
    await using world = await open()
    await world.channel.publish('orders', 1)
    const taker = new Taker(world.channel, 'orders')
    const event = await taker.take()
    await taker.leave()
    assert.is(await event.ack(), true)
  })

  test.run()
}
