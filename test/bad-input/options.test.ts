import * as assert from 'uvu/assert'
import { type ChannelOptions, ConfigurationError, EventChannel, type PublishOptions } from '../../src/index.js'
import { rejects, throws } from '../support/errors.js'
import { silent } from '../support/logger.js'
import { assertUnharmed, SETTINGS, stored } from '../support/settings.js'
import { suite } from '../support/suite.js'
import { Taker } from '../support/world.js'

type Case = readonly [options: unknown, message: RegExp]

const NO_TIMES = [-1, -0.001, Number.NaN, Number.POSITIVE_INFINITY, '100', 1n, null, new Date()]
const NO_COUNTS = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null]

const times = (name: string): Case[] =>
  NO_TIMES.map((value) => [{ [name]: value }, new RegExp(`: ${name} must be .*but is`)])
const counts = (name: string): Case[] =>
  NO_COUNTS.map((value) => [{ [name]: value }, new RegExp(`: ${name} must be .*but is`)])
const NO_OPTIONS: Case[] = [
  [null, /its argument must be Object, but is null/],
  ['fast', /its argument must be Object, but is "fast"/],
]

const OPEN: readonly Case[] = [
  ...NO_OPTIONS,
  [{ leaseMS: 5 }, /unknown option leaseMS: did you mean leaseMs\?/],
  [{ retension: 5 }, /unknown option retension: it takes .*retentionMs/],
  [{ backend: 'kafka' }, /backend must be 'notify', 'queue' or 'log', but is "kafka"/],
  [{ autoMigrate: 'yes' }, /autoMigrate must be boolean, but is "yes"/],
  [{ bestEffort: 1 }, /bestEffort must be boolean, but is 1/],
  [{ logger: { warn() {} } }, /logger must have the methods debug, info, warn and error/],
  [{ schemas: { orders: {} } }, /schemas\.orders must follow the Standard Schema/],
  [{ serviceName: '' }, /serviceName must not be empty/],
  [{ serviceName: 'a\nb' }, /serviceName must hold no control character/],
  [{ schema: 'x'.repeat(64) }, /schema must be at most 63 bytes/],
  [{ tablePrefix: 'ü'.repeat(17) }, /tablePrefix must be at most 32 bytes/],
  ...times('leaseMs'),
  ...times('retentionMs'),
  ...times('pollIntervalMs'),
  ...counts('maxAttempts'),
  ...counts('maxPayloadBytes'),
]

const PUBLISH: readonly Case[] = [
  ...NO_OPTIONS,
  [{ delay: 5 }, /unknown option delay: did you mean delayMs\?/],
  [{ retries: 5 }, /unknown option retries: it takes metadata, delayMs, availableAt, priority, key, maxAttempts, tx/],
  [{ delayMs: 5, availableAt: new Date() }, /delayMs and availableAt exclude each other/],
  [{ availableAt: new Date(Number.NaN) }, /availableAt must be a valid Date, but is "Invalid Date"/],
  [{ availableAt: 1_700_000_000_000 }, /availableAt must be a valid Date, but is 1700000000000/],
  [{ availableAt: new Date(-1) }, /availableAt must lie within 1970 and 9999/],
  [{ availableAt: new Date('+010000-01-01') }, /availableAt must lie within 1970 and 9999/],
  [{ delayMs: 1e15 }, /delayMs must be at most \d+ ms/],
  [{ priority: 10 }, /priority must be at most 9, but is 10/],
  [{ key: '' }, /key "" is empty/],
  [{ key: 5 }, /key must be string, but is 5/],
  [{ key: 'k'.repeat(256) }, /key "k+…" is longer than 255 bytes/],
  [{ key: 'a\u0000b' }, /key .* holds a control character/],
  ...times('delayMs'),
  ...counts('priority'),
  ...counts('maxAttempts'),
]

const SUBSCRIBE: readonly Case[] = [
  ...NO_OPTIONS,
  [{ prefetsch: 5 }, /unknown option prefetsch: did you mean prefetch\?/],
  [{ concurrency: 5 }, /unknown option concurrency: it takes prefetch/],
  [{ prefetch: 0 }, /prefetch must be at least 1, but is 0/],
  [{ prefetch: 'all' }, /prefetch must be 'auto' or a number/],
  [{ signal: {} }, /signal must be an AbortSignal/],
  [{ onGap: 'flush' }, /onGap must be a function, but is "flush"/],
  [{ autoAck: 'yes' }, /autoAck must be boolean/],
  ...times('pollIntervalMs'),
  ...times('leaseMs'),
  ...counts('bufferSize'),
]

const LISTEN: readonly Case[] = [
  ...NO_OPTIONS,
  [{ concurency: 5 }, /unknown option concurency: did you mean concurrency\?/],
  [{ backoff: 100 }, /backoff must be \{ minMs, maxMs, factor, jitter \} or a function/],
  [{ backoff: { min: 5 } }, /backoff/],
  [{ backoff: { minMs: -5 } }, /backoff\.minMs must be at least 0 ms, but is -5/],
  [{ backoff: { minMs: 10, maxMs: 5 } }, /backoff has a minMs over its maxMs/],
  [{ backoff: { factor: 0.5 } }, /backoff\.factor must be at least 1/],
  [{ rateLimit: { max: 5 } }, /rateLimit\.perMs must be given/],
  [{ rateLimit: { max: 0, perMs: 5 } }, /rateLimit\.max must be at least 1/],
  [{ rateLimit: 5 }, /rateLimit must be Object, but is 5/],
  ...counts('concurrency'),
  ...counts('maxAttempts'),
]

for (const setting of SETTINGS) {
  const test = suite(`bad options, ${setting.name}`)

  test('open refuses them, and makes nothing', async () => {
    await using place = await setting.database.place()
    for (const [options, message] of OPEN) {
      const given = typeof options === 'object' && options !== null ? { ...place.options, ...options } : options
      const error = await rejects(EventChannel.open(place.url, given as never), 'CONFIGURATION', message)
      assert.instance(error, ConfigurationError)
      assert.match(error.message, /^EventChannel\.open: /)
    }
    await place.sql(`select count(*) from ${place.table('migrations')}`).then(
      () => assert.unreachable('tables were made'),
      () => undefined,
    )
  })

  test('publish, publishMany and publishSync refuse them, and store nothing', async () => {
    await using world = await setting.open()
    for (const [options, message] of PUBLISH) {
      const error = await rejects(world.channel.publish('orders', 1, options as never), 'CONFIGURATION', message)
      assert.match(error.message, /^(publish: |key )/)
      if (typeof options !== 'object' || options === null) continue
      const many = [{ channel: 'orders', payload: 1 }, { channel: 'orders', payload: 2, ...options } as never]
      await rejects(world.channel.publishMany(many), 'CONFIGURATION', message)
      if (setting.database.name !== 'sqlite') continue
      throws(() => world.channel.publishSync('orders', 1, options as never), 'CONFIGURATION', message)
    }
    await rejects(
      world.channel.publishMany([{ channel: 'orders', payload: 1 }], { txx: 1 } as never),
      'CONFIGURATION',
      /publishMany: unknown option txx: did you mean tx\?/,
    )
    await assertUnharmed(world)
  })

  test('subscribe and listen refuse them, and nobody listens', async () => {
    await using world = await setting.open()
    const ignore = () => undefined
    for (const [options, message] of SUBSCRIBE) {
      throws(() => world.channel.subscribe('orders', options as never), 'CONFIGURATION', message)
    }
    for (const [options, message] of LISTEN) {
      throws(() => world.channel.listen('orders', ignore, options as never), 'CONFIGURATION', message)
    }
    for (const handler of [undefined, null, {}, 'ship']) {
      throws(() => world.channel.listen('orders', handler as never), 'CONFIGURATION', /the handler is not a function/)
    }
    const { 'events.subscriptions': subscriptions, 'events.listeners': listeners } = world.channel.telemetry.snapshot()
    assert.equal([subscriptions, listeners], [0, 0])
    await assertUnharmed(world)
  })

  test('close refuses them and leaves the channel open', async () => {
    await using world = await setting.open()
    await rejects(
      world.channel.close({ drain: 5 } as never),
      'CONFIGURATION',
      /unknown option drain: did you mean drainMs/,
    )
    for (const [options, message] of times('drainMs')) {
      await rejects(world.channel.close(options as never), 'CONFIGURATION', message)
    }
    await assertUnharmed(world)
  })

  test('nack and extend refuse them, and the event is still in hand', async () => {
    await using world = await setting.open()
    const taker = new Taker(world.channel, 'orders')
    await world.channel.publish('orders', 1)
    const event = await taker.take()
    await rejects(
      event.nack({ delay: 5 } as never),
      'CONFIGURATION',
      /nack: unknown option delay: did you mean delayMs/,
    )
    for (const [options, message] of times('delayMs')) {
      await rejects(event.nack(options as never), 'CONFIGURATION', message)
      await rejects(world.channel.nack(event, options as never), 'CONFIGURATION', message)
    }
    for (const ms of [0, ...NO_TIMES]) {
      await rejects(event.extend(ms as never), 'CONFIGURATION', /extend: its argument must be .*but is/)
    }
    assert.is(await event.ack(), true)
    assert.equal(await stored(world), setting.backend === 'queue' ? { history: 1 } : {})
  })

  test('a time may have fractions', async () => {
    await using world = await setting.open({ leaseMs: 30_000.5, pollIntervalMs: 500.5 })
    const taker = new Taker(world.channel, 'orders', { leaseMs: 20_000.25 })
    await taker.subscription.ready
    await world.channel.publish('orders', 1, setting.backend === 'queue' ? { delayMs: 0.5 } : {})
    const event = await taker.take()
    assert.is(await event.extend(25_000.75), true)
    assert.is(await event.nack({ delayMs: 0.25 }), setting.backend === 'queue')
  })

  test.run()
}

const undefinedOptions = suite('options that are undefined')

undefinedOptions('they count as not given', async () => {
  const open: ChannelOptions = { leaseMs: undefined, schemas: undefined, logger: silent, backend: 'log' }
  await using channel = await EventChannel.open('sqlite::memory:', open)
  // A log can honour none of these.
  const publish: PublishOptions = { delayMs: undefined, availableAt: undefined, priority: undefined, key: undefined }
  const subscription = channel.subscribe('orders', { group: undefined, leaseMs: undefined })
  await subscription.ready
  const id = await channel.publish('orders', 1, { ...publish, maxAttempts: undefined, tx: undefined })
  for await (const event of subscription) {
    assert.is(event.id, id)
    break
  }
})

undefinedOptions.run()

const test = suite('bad options that may hold a secret')

test('a message does not repeat a URL, nor a part of it', async () => {
  for (const listenUrl of ['mysql://user:secret@host', 'user:secret@host', 'user:sec@secret ret@host']) {
    const refused = EventChannel.open('sqlite::memory:', { listenUrl, logger: silent })
    const error = await rejects(refused, 'CONFIGURATION', /listenUrl must be a postgres:\/\/ URL/)
    assert.not.match(error.message, /secret/)
  }
  const swapped = EventChannel.open('sqlite::memory:', 'postgres://user:secret@host' as never)
  assert.not.match((await rejects(swapped, 'CONFIGURATION', /its argument/)).message, /secret/)
})

test.run()
