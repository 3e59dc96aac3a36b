import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { defer } from '../../src/common/wait.js'
import type { BackendName, ChannelOptions, EventChannel, Listener, ListenOptions } from '../../src/index.js'
import { rejects, throws } from '../support/errors.js'
import { recorder } from '../support/logger.js'
import { contract, MAP, ON_DATABASES, type Subject } from '../support/subjects.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/** Readers of a log start at its end, and a group's handlers have their events acked. */
const READING: Readonly<Record<BackendName, ListenOptions>> = { queue: {}, log: { group: 'readers' }, notify: {} }

const PLACES: readonly (readonly [Subject, BackendName])[] = [
  ...ON_DATABASES.flatMap((database) =>
    (database.name === 'postgres' ? (['queue', 'log', 'notify'] as const) : (['queue', 'log'] as const)).map(
      (backend) => [database, backend] as const,
    ),
  ),
  [MAP, 'queue'],
]

for (const [subject, backend] of PLACES) {
  const test = contract(`closing and stopping, ${backend} on ${subject.name}`, subject)
  const open = (options: ChannelOptions = {}) => World.open(subject, { backend, ...options })

  /** Handles one event of `orders` by this work; resolves once it runs, to its listener and the end of the work. */
  async function occupy<Result>(
    world: World,
    channel: EventChannel,
    work: (listener: Listener) => Promise<Result>,
    options: ListenOptions = {},
  ) {
    const running = defer<void>()
    const ended = defer<Result>()
    const handler = async () => {
      running.resolve()
      const result = work(listener)
      void result.then(ended.resolve, ended.reject)
      await result
    }
    const listener = channel.listen('orders', handler, { ...READING[backend], ...options })
    await listener.ready
    await world.channel.publish('orders', 'work')
    await within(SOON_MS, running.promise, 'the handler')
    return { listener, ended: ended.promise }
  }

  test('while a channel drains, its handlers and other code publish; subscribing is refused; then publishing is, too', async () => {
    await using world = await open()
    const watch = new Taker(world.channel, ['mails', 'others'])
    await watch.subscription.ready
    const channel = await world.another()
    const gate = defer<void>()
    const { ended } = await occupy(world, channel, async () => {
      await gate.promise
      await channel.publish('mails', 1)
      await channel.publishMany([2, 3].map((payload) => ({ channel: 'mails', payload })))
    })
    const closing = channel.close({ drainMs: 10_000 })
    throws(() => channel.subscribe('orders'), 'CLOSED', /closed/)
    throws(() => channel.listen('orders', () => undefined), 'CLOSED', /closed/)
    await channel.publish('others', 0)
    gate.resolve()
    await within(SOON_MS, ended)
    await within(SOON_MS, closing)
    const events = await watch.takeMany(4)
    assert.equal(events.map(({ payload }) => payload).sort(), [0, 1, 2, 3])
    await rejects(channel.publish('mails', 4), 'CLOSED', /closed/)
    await rejects(channel.publishMany([{ channel: 'mails', payload: 4 }]), 'CLOSED', /closed/)
    if (backend !== 'notify') assert.is((await world.channel.stats('orders'))[0]?.ready ?? 0, 0)
  })

  if (backend !== 'notify') {
    test.needs('transaction')(
      'while a channel drains, a handler publishes in a transaction and settles its event itself',
      async () => {
        await using world = await open()
        const watch = new Taker(world.channel, 'mails')
        await watch.subscription.ready
        const channel = await world.another()
        const acked = defer<boolean>()
        let isClosing = false
        const gate = defer<void>()
        const listener = channel.listen(
          'orders',
          async (event) => {
            gate.resolve()
            await eventually(SOON_MS, () => isClosing)
            const tx = await world.place.begin()
            await channel.publish('mails', 1, { tx: tx.handle })
            await tx.commit()
            acked.resolve(await event.ack())
          },
          READING[backend],
        )
        await listener.ready
        await world.channel.publish('orders', 1)
        await within(SOON_MS, gate.promise, 'the handler')
        const closing = channel.close()
        isClosing = true
        assert.is(await within(SOON_MS, acked.promise), true)
        await within(SOON_MS, closing)
        assert.is((await watch.take()).payload, 1)
      },
    )
  }

  test('a handler that outlasts the drain cannot publish afterwards', async () => {
    await using world = await open()
    const channel = await world.another()
    const closed = defer<void>()
    const { ended } = await occupy(world, channel, async () => {
      await closed.promise
      await rejects(channel.publish('mails', 1), 'CLOSED', /closed/)
    })
    await within(SOON_MS, channel.close({ drainMs: 50 }))
    closed.resolve()
    await within(SOON_MS, ended)
  })

  test('what is published in the turn in which the channel is closed is stored, before and after the call', async () => {
    await using world = await open()
    const watch = new Taker(world.channel, 'mails')
    await watch.subscription.ready
    const channel = await world.another()
    const before = [channel.publish('mails', 1), channel.publishMany([{ channel: 'mails', payload: 2 }])]
    const closing = [channel.close(), channel.close({ drainMs: 0 })]
    const after = channel.publish('mails', 3)
    await within(SOON_MS, Promise.all([...before, after, ...closing]))
    assert.equal(
      (await watch.takeMany(3)).map(({ payload }) => payload),
      [1, 2, 3],
    )
  })

  for (const [how, stop] of [
    ['at once', async (listener: Listener) => listener.stop()],
    [
      'after it has waited',
      async (listener: Listener) => {
        await sleep(1)
        await Promise.all([listener.stop(), sleep(1)])
      },
    ],
    [
      'when it leaves its scope',
      async (given: Listener) => {
        await sleep(1)
        await using _ = given
      },
    ],
  ] as const) {
    test(`a handler that stops its own listener ${how} waits for the others, not for itself`, async () => {
      const logger = recorder()
      await using world = await open({ logger })
      const channel = await world.another()
      const other = defer<void>()
      const order: string[] = []
      let handled = 0
      const first = defer<void>()
      const listener = channel.listen(
        'orders',
        async () => {
          if (++handled === 1) {
            first.resolve()
            await other.promise
            order.push('the other returned')
          } else {
            setTimeout(() => other.resolve(), 50)
            await stop(listener)
            order.push('stopped')
          }
        },
        { ...READING[backend], concurrency: 2 },
      )
      await listener.ready
      await world.channel.publish('orders', 1)
      await within(SOON_MS, first.promise)
      await world.channel.publish('orders', 2)
      await eventually(SOON_MS, () => order.length === 2)
      assert.equal(order, ['the other returned', 'stopped'])
      await within(SOON_MS, listener.stop())
      assert.equal(
        logger.lines.filter(({ level }) => level === 'warn'),
        [],
      )
      await world.channel.publish('orders', 3)
      assert.is(await channel.stopListener(listener.id), false)
      assert.is(handled, 2)
      assert.is(channel.telemetry.snapshot()['events.ack'], 2)
    })
  }

  test('two handlers that stop their listener by its id do not wait for each other', async () => {
    await using world = await open()
    const channel = await world.another()
    const both = defer<void>()
    let running = 0
    let stopped = 0
    const listener = channel.listen(
      'orders',
      async () => {
        if (++running === 2) both.resolve()
        await both.promise
        await channel.stopListener(listener.id)
        stopped++
      },
      { ...READING[backend], concurrency: 2 },
    )
    await listener.ready
    await world.channel.publishMany([1, 2].map((payload) => ({ channel: 'orders', payload })))
    await eventually(SOON_MS, () => stopped === 2)
    await within(SOON_MS, listener.stop())
    assert.is(channel.telemetry.snapshot()['events.ack'], 2)
  })

  test('stop waits for a handler no longer than drainMs, says so, and the handler still settles its event', async () => {
    const logger = recorder()
    await using world = await open({ logger })
    const channel = await world.another()
    const gate = defer<void>()
    const { listener } = await occupy(world, channel, () => gate.promise)
    const startedMs = performance.now()
    await within(SOON_MS, listener.stop({ drainMs: 100 }))
    assert.ok(performance.now() - startedMs >= 95)
    const warnings = logger.lines.filter(({ level }) => level === 'warn')
    assert.equal(warnings, [
      {
        level: 'warn',
        message: 'a listener was stopped while handlers still run',
        details: { id: listener.id, handlers: 1, drainMs: 100 },
      },
    ])
    gate.resolve()
    await within(SOON_MS, listener.stop())
    assert.is(channel.telemetry.snapshot()['events.ack'], 1)
    await rejects(listener.stop({ drainMs: -1 }), 'CONFIGURATION', /stop: drainMs/)
    await rejects(listener.stop({ drain: 1 } as never), 'CONFIGURATION', /stop: /)
  })

  test('a channel that is closed by its own handler closes when the drain is over', async () => {
    await using world = await open()
    const channel = await world.another()
    const { ended } = await occupy(world, channel, () => channel.close({ drainMs: 100 }))
    await within(SOON_MS, ended)
    await within(SOON_MS, channel.close())
  })

  test('a subscription that is closed in its own loop ends it', async () => {
    await using world = await open()
    const channel = await world.another()
    const subscription = channel.subscribe('orders', READING[backend])
    await subscription.ready
    await world.channel.publishMany([1, 2].map((payload) => ({ channel: 'orders', payload })))
    const seen: unknown[] = []
    const looping = (async () => {
      for await (const event of subscription) {
        seen.push(event.payload)
        await subscription.close()
        await event.ack()
      }
    })()
    await within(SOON_MS, looping)
    assert.equal(seen, [1])
  })

  test('a listener that is stopped before it is live has not failed', async () => {
    const logger = recorder()
    await using world = await open({ logger })
    const channel = await world.another()
    const listener = channel.listen('orders', () => undefined, READING[backend])
    let failed = false
    listener.failed.catch(() => {
      failed = true
    })
    await within(SOON_MS, listener.stop())
    await sleep(0)
    assert.not(failed)
    assert.equal(
      logger.lines.filter(({ level }) => level === 'error'),
      [],
    )
  })

  test.run()
}
