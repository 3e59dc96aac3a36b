import * as assert from 'uvu/assert'
import { rejects } from '../support/errors.js'
import { contract, SUBJECTS } from '../support/subjects.js'
import { onThisMachine } from '../support/wait.js'
import { Taker, World } from '../support/world.js'

for (const subject of SUBJECTS) {
  const test = contract(`publish to a queue on ${subject.name}`, subject)
  const open = (options = {}) => World.open(subject, options)

  test.needs('lease')('what was published is delivered, with all that belongs to it', async () => {
    await using world = await open()
    const payload = {
      total: 42,
      text: 'quotes \' " \\ and \u0000 and \ud83d\ude00',
      list: [1, null, true],
      nested: { a: { b: [] } },
    }
    const id = await world.channel.publish('orders', payload, { metadata: { tenant: 'acme', no: 1 } })
    const event = await new Taker(world.channel, 'orders').take()
    assert.is(event.id, id)
    assert.is(event.channel, 'orders')
    assert.equal(event.payload, payload)
    assert.equal(event.metadata, { tenant: 'acme', no: 1 })
    assert.is(event.attempts, 1)
    assert.ok(Math.abs(event.createdAt.getTime() - Date.now()) < 10_000)
    assert.equal(event.availableAt, event.createdAt)
    assert.ok(event.leaseExpiresAt !== null && event.leaseExpiresAt > event.createdAt)
    assert.not(event.signal.aborted)
  })

  test('every kind of JSON is a payload', async () => {
    await using world = await open()
    const payloads = [
      null,
      true,
      false,
      0,
      -1.5,
      1e300,
      '',
      'text',
      [],
      {},
      [[]],
      '\u0000',
      '\ud800 alone',
      'x'.repeat(100_000),
    ]
    await world.channel.publishMany(payloads.map((payload) => ({ channel: 'any', payload })))
    const events = await new Taker(world.channel, 'any').takeMany(payloads.length)
    assert.equal(
      events.map(({ payload }) => payload),
      payloads,
    )
  })

  test('metadata that was not given is empty', async () => {
    await using world = await open()
    await world.channel.publish('orders', 1)
    assert.equal((await new Taker(world.channel, 'orders').take()).metadata, {})
  })

  test('events come in the order they were published, alone, at once and in bulk', async () => {
    await using world = await open()
    for (let i = 0; i < 5; i++) await world.channel.publish('orders', i)
    await Promise.all(Array.from({ length: 300 }, (_, i) => world.channel.publish('orders', 5 + i)))
    const bulk = Array.from({ length: 2_500 }, (_, i) => ({ channel: 'orders', payload: 305 + i }))
    const ids = await world.channel.publishMany(bulk)
    assert.is(new Set(ids).size, 2_500)
    assert.equal([...ids].sort(), ids)
    const taker = new Taker(world.channel, 'orders', { prefetch: 1_000 })
    const events = await taker.takeMany(2_805)
    assert.equal(
      events.map(({ payload }) => payload),
      Array.from({ length: 2_805 }, (_, i) => i),
    )
  })

  test('publishMany stores all or none', async () => {
    await using world = await open({ maxPayloadBytes: 100 })
    const events = [
      { channel: 'orders', payload: 1 },
      { channel: 'orders', payload: 'x'.repeat(200) },
    ]
    await rejects(world.channel.publishMany(events), 'PAYLOAD', /200|202/)
    assert.equal(await world.channel.stats(), [])
    assert.equal(await world.channel.publishMany([]), [])
  })

  test('a bad event among coinciding calls rejects only its own', async () => {
    await using world = await open({ maxPayloadBytes: 100 })
    const calls = [1, 'x'.repeat(200), 2].map((payload) => world.channel.publish('orders', payload))
    const settled = await Promise.allSettled(calls)
    assert.equal(
      settled.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.is((await world.channel.stats('orders'))[0]?.ready, 2)
  })

  test.needs('delay')('a delayed event waits, and is delivered when it is due', async () => {
    await using world = await open()
    const taker = new Taker(world.channel, 'orders')
    await taker.subscription.ready
    const started = performance.now()
    await world.channel.publish('orders', 'later', { delayMs: 300 })
    await world.channel.publish('orders', 'now')
    assert.equal((await world.channel.stats('orders'))[0]?.scheduled, 1)
    assert.is((await taker.take()).payload, 'now')
    const late = await taker.take()
    const elapsed = performance.now() - started
    assert.is(late.payload, 'later')
    assert.is(late.attempts, 1)
    assert.ok(elapsed >= 295, `after ${elapsed} ms`)
    assert.ok(elapsed < onThisMachine(900), `the poll interval was not waited for, but ${elapsed} ms`)
    assert.ok(late.availableAt.getTime() - late.createdAt.getTime() >= 295)
  })

  test.needs('delay')('availableAt is a time; one that has passed is now', async () => {
    await using world = await open()
    const taker = new Taker(world.channel, 'orders')
    await world.channel.publish('orders', 'past', { availableAt: new Date(Date.now() - 60_000) })
    await world.channel.publish('orders', 'soon', { availableAt: new Date(Date.now() + 250) })
    await world.channel.publish('orders', 'far', { availableAt: new Date('9999-01-01') })
    assert.is((await taker.take()).payload, 'past')
    assert.is((await taker.take()).payload, 'soon')
    assert.is((await world.channel.stats('orders'))[0]?.scheduled, 1)
  })

  test.needs('priority')('a lower priority number goes first', async () => {
    await using world = await open()
    await world.channel.publish('orders', 'last', { priority: 9 })
    await world.channel.publish('orders', 'normal')
    await world.channel.publish('orders', 'first', { priority: 1 })
    const events = await new Taker(world.channel, 'orders', { prefetch: 1 }).takeMany(3)
    assert.equal(
      events.map(({ payload }) => payload),
      ['first', 'normal', 'last'],
    )
  })

  test.needs('dedupeKey')('while an event with a key is live, publishing again returns its id', async () => {
    await using world = await open()
    const { channel } = world
    const id = await channel.publish('orders', 1, { key: 'order-1' })
    assert.is(await channel.publish('orders', 2, { key: 'order-1' }), id)
    assert.is(await channel.publish('orders', 3, { key: 'order-1', delayMs: 10_000 }), id)
    assert.is.not(await channel.publish('other', 4, { key: 'order-1' }), id)
    assert.is.not(await channel.publish('orders', 5, { key: 'Order-1' }), id)
    const taker = new Taker(channel, 'orders')
    const first = await taker.take()
    assert.is(await channel.publish('orders', 6, { key: 'order-1' }), id, 'in hand is live')
    await first.ack()
    const next = await channel.publish('orders', 7, { key: 'order-1' })
    assert.is.not(next, id)
    assert.is((await taker.take()).payload, 5)
    assert.is((await taker.take()).id, next)
  })

  test.needs('dedupeKey', 'maxAttempts')(
    'a key stays taken through a nack, and is free after the last attempt',
    async () => {
      await using world = await open()
      const { channel } = world
      const id = await channel.publish('orders', 1, { key: 'k', maxAttempts: 2 })
      const taker = new Taker(channel, 'orders')
      await (await taker.take()).nack({ delayMs: 20 })
      assert.is(await channel.publish('orders', 2, { key: 'k' }), id)
      const again = await taker.take()
      assert.is(again.id, id)
      await again.nack()
      assert.is.not(await channel.publish('orders', 3, { key: 'k' }), id)
    },
  )

  test.needs('dedupeKey')('keys hold among coinciding calls, in bulk and from several processes', async () => {
    await using world = await open()
    const other = await world.another()
    const alone = Array.from({ length: 40 }, (_, i) =>
      (i % 2 ? world.channel : other).publish('orders', i, { key: 'same' }),
    )
    assert.is(new Set(await Promise.all(alone)).size, 1)
    const bulk = [1, 2, 1, 3].map((key) => ({ channel: 'bulk', payload: key, key: `k${key}` }))
    const ids = await world.channel.publishMany(bulk)
    assert.is(ids[0], ids[2])
    assert.is(new Set(ids).size, 3)
    const stats = await world.channel.stats()
    assert.equal(
      stats.map(({ channel, ready }) => [channel, ready]),
      [
        ['bulk', 3],
        ['orders', 1],
      ],
    )
  })

  test.needs('transaction')("an event in the caller's transaction is delivered when it commits", async () => {
    await using world = await open()
    const taker = new Taker(world.channel, 'orders')
    await taker.subscription.ready
    const tx = await world.place.begin()
    const id = await world.channel.publish('orders', 'in tx', { tx: tx.handle })
    await world.channel.publishMany([{ channel: 'orders', payload: 'many' }], { tx: tx.handle })
    assert.equal(await world.channel.stats(), [], 'nothing to see before the commit')
    await tx.commit()
    const event = await taker.take()
    assert.is(event.id, id)
    assert.is((await taker.take()).payload, 'many')
  })

  test.needs('transaction')("an event in the caller's transaction leaves nothing when it rolls back", async () => {
    await using world = await open()
    const tx = await world.place.begin()
    await world.channel.publish('orders', 'in tx', { tx: tx.handle, key: 'k' })
    await world.channel.publish('orders', 'delayed', { tx: tx.handle, delayMs: 10 })
    await tx.rollback()
    assert.equal(await world.channel.stats(), [])
    await world.channel.publish('orders', 'after', { key: 'k' })
    assert.is((await new Taker(world.channel, 'orders').take()).payload, 'after')
  })

  test('a publish after subscribe on the same object waits until that is live', async () => {
    await using world = await open()
    const taker = new Taker(world.channel, 'orders')
    await world.channel.publish('orders', 1)
    assert.is((await taker.take()).payload, 1)
  })

  test('bestEffort logs and counts what could not be stored', async () => {
    await using world = await open({ bestEffort: true, maxPayloadBytes: 10 })
    assert.type(await world.channel.publish('orders', 'x'.repeat(50)), 'string')
    assert.is(world.channel.telemetry.snapshot()['events.publish.dropped'], 1)
    assert.is(world.channel.telemetry.snapshot()['events.publish'], 0)
    await rejects(world.channel.publish('orders', 1, { priority: 99 }), 'CONFIGURATION', /priority/)
  })

  test.run()
}
