import * as assert from 'uvu/assert'
import { PayloadError } from '../../src/index.js'
import { MYSQL_FAMILY } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { assertUnharmed, SETTINGS, stored } from '../support/settings.js'
import { suite } from '../support/suite.js'
import { Taker, World } from '../support/world.js'

const circular: Record<string, unknown> = { name: 'loop' }
circular.self = circular

/** What is no JSON as a whole, and what the message says about it. */
const NOT_JSON: readonly (readonly [string, unknown, RegExp])[] = [
  ['undefined', undefined, /payload is undefined, .*publish plain data/],
  ['a function', () => 1, /payload is function, .*publish plain data/],
  ['a symbol', Symbol('s'), /payload is symbol, .*publish plain data/],
  ['a BigInt', 1n, /payload is not JSON \(.*BigInt.*\): publish plain data/],
  ['a nested BigInt', { total: 1n }, /payload is not JSON \(.*BigInt.*\): publish plain data/],
  ['a circle', circular, /payload is not JSON \(.*circular.*\): publish plain data/i],
  ['NaN', Number.NaN, /payload is NaN, .*publish null or a string/],
  ['Infinity', Number.POSITIVE_INFINITY, /payload is Infinity, /],
  ['-Infinity', Number.NEGATIVE_INFINITY, /payload is -Infinity, /],
  [
    'a toJSON that throws',
    {
      toJSON() {
        throw new RangeError('no text')
      },
    },
    /payload is not JSON \(no text\)/,
  ],
  ['a toJSON that answers undefined', { toJSON: () => undefined }, /payload is object, which is not JSON/],
]

for (const setting of SETTINGS) {
  const test = suite(`bad payloads, ${setting.name}`)

  test('what is not JSON is refused and stores nothing', async () => {
    await using world = await setting.open()
    for (const [name, payload, message] of NOT_JSON) {
      const error = await rejects(world.channel.publish('orders', payload), 'PAYLOAD', message)
      assert.instance(error, PayloadError, name)
    }
    assert.is(world.channel.telemetry.snapshot()['events.publish'], 0)
    await assertUnharmed(world)
  })

  test('what JSON leaves out inside a payload is left out', async () => {
    await using world = await setting.open()
    const taker = new Taker(world.channel, 'orders')
    const made = new Date(0)
    const given = { nan: Number.NaN, list: [undefined, Number.POSITIVE_INFINITY, () => 1], gone: undefined, made }
    await world.channel.publish('orders', given)
    assert.equal((await taker.take()).payload, { nan: null, list: [null, null, null], made: made.toISOString() })
  })

  test('the limit counts bytes of UTF-8, and is itself allowed', async () => {
    await using world = await setting.open({ maxPayloadBytes: 100 })
    const taker = new Taker(world.channel, 'orders')
    // 24 of 4 bytes, a two-byte letter or two, and the quotes of the JSON text.
    const exact = `${'\u{1f600}'.repeat(24)}é`
    assert.is(Buffer.byteLength(JSON.stringify(exact)), 100)
    const over = `${exact}a`
    const error = await rejects(world.channel.publish('orders', over), 'PAYLOAD', /101 bytes.*maxPayloadBytes \(100\)/)
    assert.instance(error, PayloadError)
    assert.equal(await stored(world), {})
    await world.channel.publish('orders', exact)
    const event = await taker.take()
    assert.is(event.payload, exact)
    await event.ack()
  })

  test('metadata obeys the same limit', async () => {
    await using world = await setting.open({ maxPayloadBytes: 100 })
    const refused = world.channel.publish('orders', 1, { metadata: { note: 'x'.repeat(100) } })
    await rejects(refused, 'PAYLOAD', /metadata is 111 bytes/)
    await rejects(world.channel.publish('orders', 1, { metadata: { total: 1n } }), 'PAYLOAD', /metadata is not JSON/)
    await assertUnharmed(world)
  })

  test('metadata that is no plain object is refused', async () => {
    await using world = await setting.open()
    for (const metadata of [[], 'text', 5, null, new Map([['a', 1]]), new Date(), { toJSON: () => 'text' }]) {
      const refused = world.channel.publish('orders', 1, { metadata: metadata as never })
      await rejects(refused, 'CONFIGURATION', /publish: metadata must be a plain object/)
    }
    await assertUnharmed(world)
  })

  test('one bad event rejects the whole publishMany, wherever it stands', async () => {
    await using world = await setting.open()
    for (const position of [0, 1, 2]) {
      const events: { channel: string; payload: unknown; key?: string }[] = [1, 2, 3].map((payload) => ({
        channel: 'orders',
        payload,
      }))
      events[position] = { channel: 'orders', payload: undefined }
      await rejects(world.channel.publishMany(events), 'PAYLOAD', /payload is undefined/)
    }
    await rejects(world.channel.publishMany('orders' as never), 'CONFIGURATION', /pass an array .*not string/)
    await rejects(world.channel.publishMany([null as never]), 'CONFIGURATION', /each event is an object/)
    await rejects(
      world.channel.publishMany([{ channel: 'orders', payload: 1, tx: {} } as never]),
      'CONFIGURATION',
      /tx goes beside the events/,
    )
    assert.is(world.channel.telemetry.snapshot()['events.publish'], 0)
    await assertUnharmed(world)
  })

  test('one bad event among coinciding calls rejects only its own', async () => {
    await using world = await setting.open()
    const taker = new Taker(world.channel, 'orders')
    await taker.subscription.ready
    const payloads = [1, undefined, 2, circular, 3]
    const settled = await Promise.allSettled(payloads.map((payload) => world.channel.publish('orders', payload)))
    assert.equal(
      settled.map(({ status }) => status === 'fulfilled'),
      [true, false, true, false, true],
    )
    assert.equal(
      (await taker.takeMany(3)).map(({ payload }) => payload),
      [1, 2, 3],
    )
    assert.is(world.channel.telemetry.snapshot()['events.publish'], 3)
  })

  test.run()
}

const test = suite('payloads over what the server takes')

for (const db of MYSQL_FAMILY)
  test(`one that ${db.name} takes for too large rejects only its own call, and says which limit that is`, async () => {
    await using world = await World.open(db, { maxPayloadBytes: 2 ** 27 })
    const [row] = await world.place.sql('select @@max_allowed_packet as bytes')
    const payloads = [1, 'x'.repeat(Number(row?.bytes) + 1_000), 2]
    const [first, large, last] = payloads.map((payload) => world.channel.publish('orders', payload))
    await rejects(
      Promise.resolve(large),
      'PAYLOAD',
      /takes \d+ \(max_allowed_packet\): raise max_allowed_packet, or store the payload elsewhere/,
    )
    await Promise.all([first, last])
    assert.equal(await stored(world), { queue: 2 })
    assert.is(world.channel.telemetry.snapshot()['events.publish'], 2)
  })

test.run()
