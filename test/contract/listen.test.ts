import * as assert from 'uvu/assert'
import { defer } from '../../src/common/wait.js'
import { type EventMessage, MigrationError, RowcastError } from '../../src/index.js'
import { recorder } from '../support/logger.js'
import { contract, SUBJECTS } from '../support/subjects.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, World } from '../support/world.js'

for (const subject of SUBJECTS) {
  const test = contract(`listen to a queue on ${subject.name}`, subject)
  const open = (options = {}) => World.open(subject, options)
  const counter = (world: World, name: 'events.ack' | 'events.nack' | 'events.dead') =>
    world.channel.telemetry.snapshot()[name]

  test('the handler gets each event, which is acked when it returns', async () => {
    await using world = await open()
    const seen: EventMessage[] = []
    const listener = world.channel.listen(['orders', 'refunds'], async (event) => void seen.push(event))
    await listener.ready
    await world.channel.publish('orders', { total: 1 })
    await world.channel.publish('refunds', { total: 2 })
    await eventually(SOON_MS, () => counter(world, 'events.ack') === 2)
    assert.equal(seen.map(({ channel }) => channel).sort(), ['orders', 'refunds'])
    assert.equal(await world.channel.stats(), [])
    const { 'events.deliver': delivered, 'events.listener.start': started } = world.channel.telemetry.snapshot()
    assert.equal([delivered, started], [2, 1])
    await listener.stop()
    assert.is(world.channel.telemetry.snapshot()['events.listener.stop'], 1)
  })

  test('concurrency is reached and not exceeded', async () => {
    await using world = await open()
    await world.channel.publishMany(Array.from({ length: 12 }, (_, i) => ({ channel: 'orders', payload: i })))
    let running = 0
    let most = 0
    const gates: (() => void)[] = []
    world.channel.listen(
      'orders',
      async () => {
        most = Math.max(most, ++running)
        await new Promise<void>((resolve) => gates.push(resolve))
        running--
      },
      { concurrency: 4 },
    )
    await eventually(SOON_MS, () => running === 4)
    await eventually(SOON_MS, () => {
      for (const open of gates.splice(0)) open()
      return counter(world, 'events.ack') === 12
    })
    assert.is(most, 4)
  })

  test('while its handlers work, a listener leaves to others what it cannot begin', async () => {
    await using world = await open()
    await world.channel.publishMany(Array.from({ length: 20 }, (_, i) => ({ channel: 'orders', payload: i })))
    const gate = defer<void>()
    let running = 0
    const handler = () => {
      running++
      return gate.promise
    }
    const listener = world.channel.listen('orders', handler, { concurrency: 2, prefetch: 1 })
    await eventually(SOON_MS, () => running === 2)
    // Two that are handled, one that waits for its place, one ahead.
    assert.ok(Number((await world.channel.stats('orders'))[0]?.ready) >= 16)
    gate.resolve()
    await listener.stop()
  })

  test('a handler that throws gets the event again after the backoff, until it succeeds', async () => {
    await using world = await open()
    const attempts: number[] = []
    world.channel.listen(
      'orders',
      (event) => {
        attempts.push(event.attempts)
        if (event.attempts < 3) throw new Error('not yet')
      },
      { backoff: { minMs: 10, maxMs: 20, factor: 2, jitter: true } },
    )
    await world.channel.publish('orders', 1)
    await eventually(SOON_MS, () => counter(world, 'events.ack') === 1)
    assert.equal(attempts, [1, 2, 3])
    assert.is(counter(world, 'events.nack'), 2)
  })

  test.needs('deadLetters')(
    'after the last attempt the event is a dead letter, which can be looked at, retried and discarded',
    async () => {
      await using world = await open({ maxAttempts: 2 })
      const { channel } = world
      let broken = true
      const seen: unknown[] = []
      channel.listen(
        'orders',
        ({ payload, attempts }) => {
          if (broken) throw new RangeError(`cannot ship ${attempts}`)
          seen.push([payload, attempts])
        },
        { backoff: () => 1 },
      )
      const id = await channel.publish('orders', { total: 42 }, { metadata: { tenant: 'acme' }, priority: 3, key: 'k' })
      await channel.publish('orders', 'other')
      await eventually(SOON_MS, () => counter(world, 'events.dead') === 2)
      const letter = await channel.deadLetters.get(id)
      assert.ok(letter)
      const { createdAt, diedAt, ...rest } = letter
      assert.ok(diedAt >= createdAt)
      assert.equal(rest, {
        id,
        channel: 'orders',
        group: null,
        payload: { total: 42 },
        metadata: { tenant: 'acme' },
        priority: 3,
        attempts: 2,
        maxAttempts: 2,
        key: 'k',
        error: 'RangeError: cannot ship 2',
      })
      const [first] = await channel.deadLetters.list({ limit: 1 })
      const [second] = await channel.deadLetters.list({ limit: 1, after: first?.id })
      assert.equal([first?.id, second?.payload], [id, 'other'])
      assert.equal(await channel.deadLetters.list({ channel: 'elsewhere' }), [])
      assert.is((await channel.stats('orders'))[0]?.dead, 2)

      broken = false
      assert.is(await channel.deadLetters.retry(id), 1)
      await eventually(SOON_MS, () => seen.length === 1)
      assert.equal(seen, [[{ total: 42 }, 1]])
      assert.is(await channel.deadLetters.retry(id), 0)
      assert.is(await channel.deadLetters.discard({ channel: 'orders' }, { reason: 'obsolete' }), 1)
      assert.equal(await channel.deadLetters.list(), [])
      assert.is(await channel.deadLetters.get(id), undefined)
    },
  )

  test.needs('deadLetters')(
    'a dead letter is a warning, once, and the failures before it are debug lines with their stack',
    async () => {
      const logger = recorder()
      await using world = await open({ logger, maxAttempts: 2 })
      const handler = ({ attempts }: EventMessage) => Promise.reject(new RangeError(`cannot ship ${attempts}`))
      world.channel.listen('orders', handler, { backoff: () => 0 })
      const id = await world.channel.publish('orders', { card: '4242' })
      await eventually(SOON_MS, () => counter(world, 'events.dead') === 1)
      await world.channel.close()
      const { lines } = logger
      const about = { id, channel: 'orders' }
      assert.equal(
        lines.filter(({ level }) => level !== 'debug'),
        [
          {
            level: 'warn',
            message: 'an event became a dead letter',
            details: { ...about, attempts: 2, error: 'RangeError: cannot ship 2' },
          },
        ],
      )
      const failures = lines.filter(({ message }) => message === 'a handler failed')
      for (const [index, { details }] of failures.entries()) {
        const { stack, ...rest } = details as { stack: string }
        assert.equal(rest, { ...about, attempts: index + 1, error: `RangeError: cannot ship ${index + 1}` })
        assert.match(stack, /^RangeError: cannot ship \d\n +at .*listen\.test\.ts/s)
      }
      assert.is(failures.length, 2)
      assert.not.match(JSON.stringify(lines), /4242/)
    },
  )

  test.needs('maxAttempts')('a listener that gives up on an event says so, whatever its handler threw', async () => {
    const logger = recorder()
    await using world = await open({ logger, maxAttempts: 1 })
    const caused = new Error('cannot ship', { cause: new Error('out of stock') })
    const bare = Object.create(null)
    const thrown = { undefined: undefined, null: null, text: 'out of stock', bare, plain: { status: 500 }, caused }
    const handler = ({ payload }: EventMessage) => Promise.reject(thrown[payload as keyof typeof thrown])
    world.channel.listen('orders', handler)
    world.channel.listen('early', handler, { maxAttempts: 1 })
    const wanted: [unknown, string][] = [
      ['undefined', 'the handler threw undefined'],
      ['null', 'the handler threw null'],
      ['text', 'out of stock'],
      ['bare', '[Object: null prototype] {}'],
      ['plain', '{ status: 500 }'],
      ['caused', 'Error: cannot ship (cause: Error: out of stock)'],
    ]
    for (const [payload] of wanted) {
      await world.channel.publish('orders', payload)
      await world.channel.publish('early', payload, { maxAttempts: 5 })
    }
    await eventually(SOON_MS, () => counter(world, 'events.dead') === 2 * wanted.length)
    for (const name of ['orders', 'early']) {
      const letters = await world.channel.deadLetters.list({ channel: name })
      assert.equal(
        letters.map(({ payload, error }) => [payload, error]),
        wanted,
      )
    }
    assert.is(logger.lines.filter(({ level }) => level === 'warn').length, 2 * wanted.length)
  })

  test('a listener that ended by its signal is forgotten', async () => {
    await using world = await open()
    const stopping = new AbortController()
    const listener = world.channel.listen('orders', () => undefined, { signal: stopping.signal })
    await listener.ready
    stopping.abort()
    await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.listeners'] === 0)
    assert.is(await world.channel.stopListener(listener.id), false)
    assert.is((await world.channel.health()).ok, true)
    await listener.stop()
  })

  test.needs('tables')(
    'a listener that cannot go on is forgotten, and health tells of it until its owner stops it',
    async () => {
      await using world = await open({ pollIntervalMs: 50 })
      const listener = world.channel.listen('orders', () => undefined)
      await listener.ready
      await world.place.sql(`drop table ${world.place.table('queue')}`)
      const error = await listener.failed.catch((failure: unknown) => failure)
      assert.instance(error, MigrationError)
      await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.listeners'] === 0)
      const health = await world.channel.health()
      assert.is(health.ok, false)
      assert.match(String(health.error), /^the listener of orders cannot go on: MigrationError: /)
      assert.is(await world.channel.stopListener(listener.id), true)
      assert.is((await world.channel.health()).ok, true)
      assert.is(await world.channel.stopListener(listener.id), false)
    },
  )

  test('a signal that many share gets one listener of ours, and ends them all', async () => {
    await using world = await open()
    const warnings: string[] = []
    const onWarning = ({ name }: Error) => void warnings.push(name)
    process.on('warning', onWarning)
    const stopping = new AbortController()
    for (let i = 0; i < 20; i++) {
      const { ready } = world.channel.listen(`orders ${i}`, () => undefined, { signal: stopping.signal })
      await ready
    }
    const left = world.channel.subscribe('orders', { signal: stopping.signal })
    await left.ready
    await left.close()
    stopping.abort()
    await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.subscriptions'] === 0)
    const late = world.channel.subscribe('orders', { signal: stopping.signal })
    assert.is((await late[Symbol.asyncIterator]().next()).done, true)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', onWarning)
    assert.equal(warnings, [])
  })

  test.needs('deadLetters')('a filter reaches more dead letters than one page holds', async () => {
    await using world = await open({ maxAttempts: 1 })
    await world.channel.publishMany(Array.from({ length: 1_200 }, (_, i) => ({ channel: 'orders', payload: i })))
    const listener = world.channel.listen('orders', () => Promise.reject(new Error('no')), { concurrency: 200 })
    await eventually(15_000, () => counter(world, 'events.dead') === 1_200)
    await listener.stop()
    assert.is(await world.channel.deadLetters.retry({ channel: 'orders' }), 1_200)
    assert.is((await world.channel.stats('orders'))[0]?.ready, 1_200)
  })

  test.needs('deadLetters')("a listener's own maxAttempts is for its own failures", async () => {
    await using world = await open({ maxAttempts: 5 })
    world.channel.listen('orders', () => Promise.reject(new Error('no')), { maxAttempts: 1 })
    const id = await world.channel.publish('orders', 1)
    await eventually(SOON_MS, () => counter(world, 'events.dead') === 1)
    const letter = await world.channel.deadLetters.get(id)
    assert.equal([letter?.attempts, letter?.maxAttempts], [1, 5])
  })

  test.needs('maxAttempts')('a publisher may allow more attempts than the channel', async () => {
    await using world = await open({ maxAttempts: 1 })
    let calls = 0
    const handler = () => {
      if (++calls < 3) throw new Error('not yet')
    }
    world.channel.listen('orders', handler, { backoff: () => 0 })
    await world.channel.publish('orders', 1, { maxAttempts: 3 })
    await eventually(SOON_MS, () => counter(world, 'events.ack') === 1)
    assert.is(calls, 3)
  })

  test('stop takes no more events, lets handlers finish, and gives back the rest', async () => {
    await using world = await open()
    await world.channel.publishMany(Array.from({ length: 50 }, (_, i) => ({ channel: 'orders', payload: i })))
    let started = 0
    let finish = () => {}
    const gate = new Promise<void>((resolve) => {
      finish = resolve
    })
    const listener = world.channel.listen(
      'orders',
      () => {
        started++
        return gate
      },
      { concurrency: 2, prefetch: 10 },
    )
    await eventually(SOON_MS, () => started === 2)
    let stopped = false
    const stopping = listener.stop().then(() => {
      stopped = true
    })
    await eventually(SOON_MS, async () => Number((await world.channel.stats('orders'))[0]?.leased) <= 3)
    assert.not(stopped)
    finish()
    await within(SOON_MS, stopping)
    const [stats] = await world.channel.stats('orders')
    assert.is(stats?.leased, 0)
    assert.is(Number(stats?.ready) + counter(world, 'events.ack'), 50)
  })

  test('a listener has no more in hand than it keeps ahead, and what is on its way to be acked', async () => {
    await using world = await open()
    const events = Array.from({ length: 1_000 }, (_, i) => ({ channel: 'orders', payload: i }))
    for (let i = 0; i < 20; i++) await world.channel.publishMany(events)
    let handled = 0
    let most = 0
    const handler = () => {
      if (++handled % 100 === 0) most = Math.max(most, world.channel.telemetry.snapshot()['events.leased'] ?? 0)
    }
    world.channel.listen('orders', handler, { concurrency: 100, prefetch: 4_000 })
    await eventually(60_000, () => handled === 20_000)
    assert.ok(most <= 4_100 + 2_000, `${most} leased`)
  })

  test('a listener is stopped by its id, once', async () => {
    await using world = await open()
    const { id } = world.channel.listen('orders', () => undefined)
    assert.is(await world.channel.stopListener(id), true)
    assert.is(await world.channel.stopListener(id), false)
    assert.is(await world.channel.stopListener('nobody'), false)
  })

  test('rateLimit starts no more handlers than allowed in a span of time', async () => {
    await using world = await open()
    await world.channel.publishMany(Array.from({ length: 6 }, (_, i) => ({ channel: 'orders', payload: i })))
    const started: number[] = []
    world.channel.listen('orders', () => void started.push(performance.now()), {
      concurrency: 10,
      rateLimit: { max: 2, perMs: 250 },
    })
    await eventually(SOON_MS, () => started.length === 6)
    const [first = 0] = started
    assert.ok((started[5] ?? 0) - first >= 400, `six in ${(started[5] ?? 0) - first} ms`)
  })

  test('without autoAck the handler settles, and a throw still nacks', async () => {
    await using world = await open()
    const held: EventMessage[] = []
    world.channel.listen(
      'orders',
      (event) => {
        if (event.payload === 'bad' && event.attempts === 1) throw new Error('no')
        held.push(event)
      },
      { autoAck: false, backoff: () => 0 },
    )
    await world.channel.publish('orders', 'good')
    await world.channel.publish('orders', 'bad')
    await eventually(SOON_MS, () => held.length === 2)
    assert.is(counter(world, 'events.ack'), 0)
    for (const event of held) assert.is(await event.ack(), true)
  })

  test('a handler that settles by itself is not overruled', async () => {
    await using world = await open()
    world.channel.listen('orders', async (event) => {
      await event.nack({ delayMs: 60_000, error: 'later' })
      throw new Error('after the nack')
    })
    await world.channel.publish('orders', 1)
    // Counted once its answer is here, which is later than others can see it.
    await eventually(SOON_MS, () => counter(world, 'events.nack') === 1)
    assert.is((await world.channel.stats('orders'))[0]?.scheduled, 1)
    assert.is(counter(world, 'events.ack'), 0)
  })

  test('a backoff that fails or answers nonsense gives way to the default', async () => {
    await using world = await open()
    for (const backoff of [() => Number.NaN, () => -5]) {
      const listener = world.channel.listen('orders', () => Promise.reject(new Error('no')), { backoff })
      await world.channel.publish('orders', 1)
      await eventually(SOON_MS, async () => (await world.channel.stats('orders'))[0]?.leased === 0)
      await listener.stop()
    }
    assert.is(counter(world, 'events.dead'), 0)
  })

  test.needs('tables')('a listener that cannot go on says so, and nothing is left unhandled', async () => {
    const logger = recorder()
    await using world = await open({ logger })
    const listener = world.channel.listen('orders', () => undefined)
    await listener.ready
    await world.place.sql(`drop table ${world.place.table('queue')}`)
    await world.channel.publish('orders', 1).catch(() => undefined)
    const error = await within(
      SOON_MS,
      listener.failed.catch((reason: unknown) => reason),
    )
    assert.ok(error instanceof RowcastError)
    assert.is(error.code, 'MIGRATION')
    assert.ok(logger.lines.some(({ level, message }) => level === 'error' && /cannot go on/.test(message)))
    await listener.stop()
  })

  test.run()
}
