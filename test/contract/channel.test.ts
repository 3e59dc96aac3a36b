import { setTimeout as sleep } from 'node:timers/promises'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as assert from 'uvu/assert'
import { EventChannel, type EventMessage } from '../../src/index.js'
import { DATABASES } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

for (const database of DATABASES) {
  const test = suite(`a queue channel on ${database.name}`)
  const open = (options = {}) => World.open(database, options)

  test('it says what was picked', async () => {
    await using world = await open()
    assert.equal([world.channel.backend, world.channel.engine], ['queue', database.family])
    const { ok, engine, backend, latencyMs, error } = await world.channel.health()
    assert.equal([ok, engine, backend, error], [true, database.family, 'queue', undefined])
    assert.ok(latencyMs > 0 && latencyMs < 5_000)
  })

  test('close ends loops, gives back what is in hand with its attempt, and another has it at once', async () => {
    await using world = await open()
    await world.channel.publishMany([1, 2, 3].map((payload) => ({ channel: 'orders', payload })))
    const [held] = await new Taker(world.channel, 'orders').takeMany(2)
    const signal = held?.signal
    const other = new Taker(await world.another(), 'orders')
    await other.subscription.ready
    await world.channel.close({ drainMs: 0 })
    assert.ok(signal?.aborted)
    const events = await other.takeMany(3)
    assert.ok(events.every(({ attempts }) => attempts === 1))
  })

  test('close waits for handlers to settle, and no longer than drainMs', async () => {
    await using world = await open()
    const other = await world.another()
    await world.channel.publish('orders', 'quick')
    let finish = () => {}
    let started = false
    other.listen('orders', async () => {
      started = true
      await new Promise<void>((resolve) => {
        finish = resolve
      })
    })
    await eventually(SOON_MS, () => started)
    const closing = other.close({ drainMs: 10_000 })
    finish()
    await within(SOON_MS, closing)
    assert.is(other.telemetry.snapshot()['events.ack'], 1)

    const stuck = await world.another()
    await world.channel.publish('orders', 'stuck')
    let hanging = false
    stuck.listen('orders', () => {
      hanging = true
      return new Promise(() => undefined)
    })
    await eventually(SOON_MS, () => hanging)
    const begun = performance.now()
    await stuck.close({ drainMs: 200 })
    const elapsed = performance.now() - begun
    assert.ok(elapsed >= 195 && elapsed < onThisMachine(2_000), `${elapsed} ms`)
    assert.is((await new Taker(world.channel, 'orders').take()).attempts, 1)
  })

  test('close waits for what is being published: alone, many at once, behind a subscription that is not live yet', async () => {
    await using world = await World.open(database)
    const channel = await world.another()
    const many = Array.from({ length: 3_000 }, (_, n) => ({ channel: 'orders', payload: n }))
    const publishing: Promise<unknown>[] = [channel.publish('orders', 0), channel.publishMany(many)]
    channel.subscribe('others')
    publishing.push(channel.publish('orders', 1), channel.publishMany(many))
    let published = 0
    for (const publish of publishing) void publish.then(() => published++)
    await channel.close()
    assert.is(published, publishing.length)
    assert.is((await world.channel.stats('orders'))[0]?.ready, 2 * many.length + 2)
  })

  test('close waits for a publish whose schema takes its time', async () => {
    await using world = await World.open(database)
    const slowly: StandardSchemaV1 = {
      '~standard': { version: 1, vendor: 'test', validate: (value) => sleep(200, { value }) },
    }
    const channel = await world.another({ schemas: { orders: slowly } })
    const publishing = channel.publish('orders', 1)
    await channel.close()
    await publishing
    assert.is((await world.channel.stats('orders'))[0]?.ready, 1)
  })

  test('close is idempotent, and afterwards everything says so', async () => {
    await using world = await open()
    const channel = await world.another()
    await channel.publish('orders', 1)
    const event = await new Taker(channel, 'orders').take()
    await Promise.all([channel.close({ drainMs: 0 }), channel.close()])
    await channel.close()
    await rejects(channel.publish('orders', 1), 'CLOSED', /closed/)
    await rejects(channel.publishMany([]), 'CLOSED', /closed/)
    await rejects(event.ack(), 'CLOSED', /closed/)
    await rejects(channel.ack(event.id), 'CLOSED', /closed/)
    await rejects(channel.stats(), 'CLOSED', /closed/)
    await rejects(channel.deadLetters.list(), 'CLOSED', /closed/)
    assert.is((await channel.health()).ok, false)
  })

  test('a loop that was busy when the channel closed may still ack its event, then ends', async () => {
    await using world = await open()
    const channel = await world.another()
    await channel.publishMany([1, 2].map((payload) => ({ channel: 'orders', payload })))
    let acked: boolean | undefined
    for await (const event of channel.subscribe('orders')) {
      const closing = channel.close()
      acked = await event.ack()
      await closing
    }
    assert.is(acked, true)
    assert.is((await world.channel.stats('orders'))[0]?.ready, 1)
  })

  test('a loop that was left holds up nobody', async () => {
    await using world = await open()
    const channel = await world.another()
    await channel.publish('orders', 1)
    let kept: EventMessage | undefined
    for await (kept of channel.subscribe('orders')) break
    const begun = performance.now()
    await channel.close({ drainMs: 10_000 })
    assert.ok(performance.now() - begun < 2_000)
    assert.ok(kept?.signal.aborted)
    await rejects(kept.ack(), 'CLOSED', /closed/)
    assert.is((await world.channel.stats('orders'))[0]?.ready, 1)
  })

  test('stats count every stage of life', async () => {
    await using world = await open()
    const { channel } = world
    await channel.publishMany([1, 2, 3].map((payload) => ({ channel: 'orders', payload })))
    await channel.publish('orders', 4, { delayMs: 60_000 })
    await channel.publish('other', 1)
    const taker = new Taker(channel, 'orders', { prefetch: 1 })
    await (await taker.take()).ack()
    const held = await taker.take()
    await eventually(SOON_MS, async () => (await channel.stats('orders'))[0]?.leased === 2)
    await taker.leave()
    const [stats] = await channel.stats('orders')
    assert.ok(stats && Number(stats.oldestReadyMs) >= 0 && Number(stats.oldestReadyMs) < 60_000)
    assert.equal(
      { ...stats, oldestReadyMs: 0 },
      { channel: 'orders', ready: 1, leased: 1, scheduled: 1, dead: 0, oldestReadyMs: 0, head: null, groups: [] },
    )
    await held.ack()
    assert.equal(
      (await channel.stats()).map((row) => row.channel),
      ['orders', 'other'],
    )
    assert.equal(await channel.stats('nothing'), [])
  })

  test('settled events stay in history as long as they are kept, and no longer', async () => {
    await using world = await open({ retentionMs: 1_000 })
    await world.channel.publish('orders', { total: 1 }, { metadata: { a: 1 } })
    await (await new Taker(world.channel, 'orders').take()).ack()
    const history = () => world.place.sql(`select outcome, attempts, consumer from ${world.place.table('history')}`)
    const [row] = await history()
    assert.is(row?.outcome, 'acked')
    assert.is(Number(row?.attempts), 1)
    assert.match(String(row?.consumer), /^rowcast@.+:\d+$/)
    await eventually(10_000, async () => (await history()).length === 0)

    const forgetful = await world.another({ retentionMs: 0 })
    await forgetful.publish('forgotten', 1)
    await (await new Taker(forgetful, 'forgotten').take()).ack()
    assert.equal(await history(), [])
  })

  test('telemetry counts each fact once and streams it', async () => {
    await using world = await open()
    const facts: string[] = []
    const end = world.channel.telemetry.on((fact) => {
      facts.push('channel' in fact ? `${fact.type} ${fact.channel}` : fact.type)
      throw new Error('an observer is a bystander')
    })
    await world.channel.publish('orders', 1)
    await (await new Taker(world.channel, 'orders').take()).ack()
    end()
    await world.channel.publish('orders', 2)
    assert.equal(
      facts.filter((fact) => fact !== 'pollEmpty'),
      ['published orders', 'delivered orders', 'settled orders'],
    )
    const { 'events.publish': published, 'events.nack': nacked } = world.channel.telemetry.snapshot()
    assert.equal([published, nacked], [2, 0])
    assert.ok(Object.values(world.channel.telemetry.snapshot()).every((value) => Number.isFinite(value)))
  })

  test('it opens on a URL with its defaults, and disposes of itself', async () => {
    const place = await database.place()
    {
      await using channel = await EventChannel.open(place.url, { backend: 'queue', ...place.options })
      await channel.publish('orders', 1)
    }
    await using again = await EventChannel.open(place.url, { backend: 'queue', ...place.options })
    assert.is((await new Taker(again, 'orders').take()).payload, 1)
    await again.close({ drainMs: 0 })
    await place[Symbol.asyncDispose]()
  })

  test.run()
}
