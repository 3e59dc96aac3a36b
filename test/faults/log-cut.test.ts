import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { ConnectionError, EventChannel, type EventMessage } from '../../src/index.js'
import { Behind } from '../support/behind.js'
import { cutterOf } from '../support/cutter.js'
import { ON_SERVERS } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { openRunDatabase } from '../support/servers/find.js'
import { suite } from '../support/suite.js'
import { tally } from '../support/tally.js'
import { eventually, onThisMachine, within } from '../support/wait.js'
import { Taker } from '../support/world.js'

/*
 * The log over connections that break: every subscriber gets every event, in one order.
 */

const RUN_MS = 60_000
const PATIENCE_MS = 15_000
const CUTS = 8
const AWAY_MS = 10_000
const CUT_EVERY_MS = 500

for (const db of ON_SERVERS) {
  const test = suite(`a log over broken connections on ${db.name}`)

  test(
    'every connection ended again and again: each subscriber and each group gets every event, in one order',
    async () => {
      await using own = await openRunDatabase(db.name)
      await using cutter = cutterOf(own.url)
      await using place = await db.place(own.url)
      const options = { backend: 'log', logger: silent, leaseMs: 2_000, ...place.options } as const
      const open = () => EventChannel.open(place.url, options)
      await using publisher = await open()
      await using reader = await open()
      await using active = await open()
      await using standby = await open()
      const read: EventMessage[] = []
      const handled = new Map<unknown, number>()
      let lastAtMs = performance.now()
      let stallMs = 0
      const subscription = reader.subscribe('orders', { from: 'earliest' })
      const loop = (async () => {
        for await (const event of subscription) {
          stallMs = Math.max(stallMs, performance.now() - lastAtMs)
          lastAtMs = performance.now()
          read.push(event)
        }
      })()
      const listeners = [active, standby].map((channel) =>
        channel.listen(
          'orders',
          ({ payload }) => {
            handled.set(payload, (handled.get(payload) ?? 0) + 1)
          },
          { group: 'g', from: 'earliest' },
        ),
      )
      await Promise.all([subscription.ready, ...listeners.map(({ ready }) => ready)])

      let stopping = false
      const published: number[] = []
      const doubtful: number[] = []
      const callers = Array.from({ length: 4 }, async (_, caller) => {
        for (let i = 0; !stopping; i++) {
          const payload = caller * 1_000_000 + i
          await publisher.publish('orders', payload).then(
            () => published.push(payload),
            (error: unknown) => {
              assert.instance(error, ConnectionError, `${error}`)
              doubtful.push(payload)
            },
          )
          await sleep(10)
        }
      })
      for (let i = 0; i < CUTS; i++) {
        await cutter.cut()
        await sleep(CUT_EVERY_MS)
      }
      stopping = true
      await Promise.all(callers)
      await eventually(PATIENCE_MS, () => {
        const seen = new Set(read.map(({ payload }) => payload))
        return published.every((payload) => seen.has(payload) && handled.has(payload))
      })
      const positions = read.map(({ position }) => Number(position))
      assert.ok(
        positions.every((position, i) => i === 0 || position > (positions[i - 1] ?? 0)),
        'out of order or twice',
      )
      assert.is(new Set(read.map(({ payload }) => payload)).size, read.length, 'stored twice')
      assert.ok(published.length > 200, `only ${published.length} events`)
      tally('every connection cut: log', db.name, {
        violations: [],
        events: published.length,
        deliveries: read.length,
        lost: 0,
        wronglyRedelivered: 0,
        longestStallS: Math.round(stallMs) / 1_000,
      })
      await subscription.close()
      await within(PATIENCE_MS, loop)
    },
    RUN_MS,
  )

  for (const how of ['cut', 'half'] as const) {
    test(`a publish whose answer is ${how} is in the log once`, async () => {
      await using behind = await Behind.open(db, { backend: 'log' })
      const sprung = behind.proxy.trap({ after: [{ request: 'the-mark' }], how })
      await within(PATIENCE_MS, behind.channel.publish('orders', 'the-mark'))
      await sprung
      const seen: unknown[] = []
      for await (const { payload } of behind.world.channel.subscribe('orders', { from: 'earliest' })) {
        seen.push(payload)
        if (payload === 'the-mark') await behind.world.channel.publish('orders', 'the end')
        if (payload === 'the end') break
      }
      assert.equal(seen, ['the-mark', 'the end'])
    })
  }

  for (const written of [true, false]) {
    test(`an ack that is asked again after another took over says whether it was written: ${written}`, async () => {
      await using behind = await Behind.open(db, { backend: 'log', leaseMs: 2_000 })
      const joining = { group: 'the-group', from: 'earliest' } as const
      const taker = new Taker(behind.channel, 'orders', joining)
      await behind.channel.publish('orders', 'first')
      const event = await taker.take(PATIENCE_MS)
      const commit = db.family === 'mysql' ? [{ request: 'commit' }] : []
      const sprung = written && behind.proxy.trap({ after: [{ request: 'the-group' }, ...commit], how: 'cut' })
      if (!written) behind.proxy.refuse(true)
      if (!written) behind.proxy.cut()
      const acked = event.ack()
      await sprung
      behind.proxy.refuse(true)
      behind.proxy.cut()
      await behind.world.channel.publish('orders', 'second')
      const other = new Taker(behind.world.channel, 'orders', joining)
      const next = await other.take(PATIENCE_MS)
      assert.is(next.payload, written ? 'second' : 'first')
      await next.nack()
      await other.leave()
      const another = new Taker(await behind.world.another(), 'orders', joining)
      assert.is((await another.take(PATIENCE_MS)).payload, written ? 'second' : 'first')
      behind.proxy.refuse(false)
      assert.is(await within(PATIENCE_MS, acked), written)
      assert.is(event.signal.aborted, !written)
      const { 'events.ack': acks = 0, 'events.lease.lost': lost = 0 } = behind.channel.telemetry.snapshot()
      assert.equal([acks, lost], written ? [1, 0] : [0, 1])
    })
  }

  test(
    'a subscriber that is cut off for ten seconds misses nothing, and is woken again afterwards',
    async () => {
      await using behind = await Behind.open(db, { backend: 'log', pollIntervalMs: 1_000 })
      const taker = new Taker(behind.channel, 'orders')
      const group = new Taker(behind.channel, 'orders', { group: 'g', from: 'earliest' })
      await Promise.all([taker.subscription.ready, group.subscription.ready])
      behind.proxy.refuse(true)
      behind.proxy.cut()
      for (let i = 0; i < 20; i++) {
        await behind.world.channel.publish('orders', i)
        await sleep(AWAY_MS / 20)
      }
      behind.proxy.refuse(false)
      for (const reader of [taker, group]) {
        const events = await reader.takeMany(20)
        assert.equal(
          events.map(({ payload }) => payload),
          Array.from({ length: 20 }, (_, i) => i),
        )
      }
      if (db.name !== 'postgres') return
      await eventually(PATIENCE_MS, () => behind.channel.telemetry.snapshot()['events.reconnect'] > 0)
      const startedMs = performance.now()
      await behind.world.channel.publish('orders', 'woken')
      assert.is((await taker.take()).payload, 'woken')
      assert.ok(performance.now() - startedMs < onThisMachine(900), 'it polled')
    },
    RUN_MS,
  )

  test.run()
}
