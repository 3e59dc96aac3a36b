import { expectTypeOf } from 'expect-type'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { type AnyEvents, EventChannel, type EventMessage, PayloadError, type StandardSchema } from '../src/index.js'
import { rejects } from './support/errors.js'
import { silent } from './support/logger.js'
import { assertUnharmed, SETTINGS, stored } from './support/settings.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'
import { SOON_MS, Taker, type World } from './support/world.js'

const order = v.object({ total: v.number(), note: v.optional(v.string()) })
/** What is published as text is delivered as a Date. */
const day = v.object({
  day: v.pipe(
    v.string(),
    v.isoDate('not a day'),
    v.transform((text) => new Date(text)),
  ),
})

/** A validator of one's own that takes its time. */
const slow: StandardSchema<{ id: string }, { id: string; length: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    async validate(value) {
      await new Promise(setImmediate)
      const id = (value as { id?: unknown } | null)?.id
      if (typeof id !== 'string') return { issues: [{ message: 'must be text', path: ['id'] }] }
      return { value: { id, length: id.length } }
    },
  },
}

/** One that is broken itself. */
const broken: StandardSchema<unknown> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate() {
      throw new RangeError('the validator is broken')
    },
  },
}

const schemas = { orders: order, days: day, slow }

/** Publishes past the schema, as a process with an older one would. */
async function publishUnchecked(world: World, channel: string, payload: unknown): Promise<string> {
  const unchecked = await EventChannel.open(world.place.url, {
    backend: world.channel.backend,
    logger: silent,
    ...world.place.options,
  })
  const id = await unchecked.publish(channel, payload)
  await unchecked.close({ drainMs: 0 })
  return id
}

for (const setting of SETTINGS) {
  const test = suite(`schemas, ${setting.name}`)

  test('a payload that does not match is refused by channel, place and reason, and stores nothing', async () => {
    await using world = await setting.open({ schemas })
    const { channel } = world
    const refusals: [string, unknown, RegExp][] = [
      ['orders', { total: 'many' }, /payload does not match the schema of channel "orders": total: .*number/i],
      ['orders', null, /channel "orders"/],
      ['days', { day: 'yesterday' }, /channel "days": day: not a day/],
      ['slow', { id: 5 }, /channel "slow": id: must be text/],
    ]
    for (const [name, payload, message] of refusals) {
      assert.instance(await rejects(channel.publish(name, payload), 'PAYLOAD', message), PayloadError)
      const many = [
        { channel: 'orders', payload: { total: 1 } },
        { channel: name, payload },
      ]
      await rejects(channel.publishMany(many), 'PAYLOAD', message)
    }
    await assertUnharmed(world)
  })

  test('what a schema makes of a payload is what is delivered, made once', async () => {
    await using world = await setting.open({ schemas })
    const taker = new Taker(world.channel, ['days', 'slow', 'free'])
    await taker.subscription.ready
    await world.channel.publish('days', { day: '2024-02-29' })
    const event = await taker.take()
    assert.equal(event.payload, { day: new Date('2024-02-29') })
    await event.ack()
    await world.channel.publish('slow', { id: 'abc' })
    const late = await taker.take()
    assert.equal(late.payload, { id: 'abc', length: 3 })
    await late.ack()
    await world.channel.publish('free', { what: 'ever' })
    assert.equal((await taker.take()).payload, { what: 'ever' }, 'a channel without a schema takes everything')
  })

  test('calls keep their order where the schema answers at once', async () => {
    await using world = await setting.open({ schemas })
    const taker = new Taker(world.channel, 'orders')
    await taker.subscription.ready
    await Promise.all(Array.from({ length: 50 }, (_, total) => world.channel.publish('orders', { total })))
    const totals = (await taker.takeMany(50)).map(({ payload }) => (payload as { total: number }).total)
    assert.equal(
      totals,
      Array.from({ length: 50 }, (_, total) => total),
    )
  })

  test('an event that does not match on delivery is set aside with the reason, and does not come back', async () => {
    await using world = await setting.open({ schemas, maxAttempts: 5 })
    const taker = new Taker(world.channel, ['orders', 'slow'])
    await taker.subscription.ready
    const ids = [
      await publishUnchecked(world, 'orders', { total: 'many' }),
      await publishUnchecked(world, 'slow', { id: 5 }),
    ]
    const waiting = taker.take()
    const { telemetry } = world.channel
    await eventually(SOON_MS, () => telemetry.snapshot()['events.decode.failed'] === 2)
    await world.channel.publish('orders', { total: 1 })
    assert.equal((await waiting).payload, { total: 1 })
    assert.is(telemetry.snapshot()['events.decode.failed'], 2)
    assert.is(telemetry.snapshot()['events.deliver'], 1)
    if (setting.backend === 'notify') return
    const letters = await world.channel.deadLetters.list()
    assert.equal(letters.map(({ id }) => id).sort(), ids.sort())
    assert.match(String(letters.find(({ channel }) => channel === 'orders')?.error), /cannot be decoded: .*total: /)
    assert.match(String(letters.find(({ channel }) => channel === 'slow')?.error), /id: must be text/)
    assert.is(telemetry.snapshot()['events.dead'], 2)
    assert.equal((await stored(world)).dead_letter, 2)
  })

  test('a schema that throws is not a crash: it refuses at one end and sets aside at the other', async () => {
    await using world = await setting.open({ schemas: { orders: broken } })
    const refused = world.channel.publish('orders', 1)
    const error = await rejects(
      refused,
      'PAYLOAD',
      /schema of channel "orders" failed: RangeError: the validator is broken/,
    )
    assert.instance(error.cause, RangeError)
    const taker = new Taker(world.channel, ['orders', 'other'])
    await taker.subscription.ready
    const waiting = taker.take()
    await publishUnchecked(world, 'orders', 1)
    await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.decode.failed'] === 1)
    await world.channel.publish('other', 2)
    assert.is((await waiting).payload, 2)
  })

  if (setting.database.name === 'sqlite') {
    test('publishSync cannot wait for a schema that takes its time', async () => {
      await using world = await setting.open({ schemas })
      assert.throws(
        () => world.channel.publishSync('slow', { id: 'abc' }),
        /schema of channel "slow" is asynchronous: await publish/,
      )
      assert.type(world.channel.publishSync('orders', { total: 1 }), 'string')
      assert.equal(await stored(world), { queue: 1 })
    })
  }

  test.run()
}

const types = suite('types of channels')

interface Events {
  orders: { total: number }
  refunds: string
}

types('payloads are typed by an interface', async () => {
  await using channel = await EventChannel.open<Events>('sqlite::memory:', { logger: silent })
  expectTypeOf(channel).toEqualTypeOf<EventChannel<Events>>()
  expectTypeOf(channel.publish<'orders'>)
    .parameter(1)
    .toEqualTypeOf<{ total: number }>()
  expectTypeOf(channel.publish<'refunds'>).returns.resolves.toEqualTypeOf<string>()
  // @ts-expect-error: no such channel
  await channel.publish('order', { total: 1 })
  // @ts-expect-error: not the payload of this channel
  await channel.publish('orders', 'text')
  // @ts-expect-error: the payload of another channel
  await channel.publishMany([{ channel: 'refunds', payload: { total: 1 } }])
  // @ts-expect-error: not an option
  await channel.publish('refunds', 'text', { retries: 1 }).catch(() => undefined)
  // @ts-expect-error: no such channel
  channel.subscribe('order')

  const one = channel.subscribe('orders')
  expectTypeOf(one).toMatchTypeOf<AsyncIterable<EventMessage<{ total: number }, 'orders'>>>()
  const both = channel.subscribe(['orders', 'refunds'])
  type Both = EventMessage<{ total: number }, 'orders'> | EventMessage<string, 'refunds'>
  expectTypeOf(both).toMatchTypeOf<AsyncIterable<Both>>()
  const narrow = (event: Both) => {
    if (event.channel === 'orders') expectTypeOf(event.payload).toEqualTypeOf<{ total: number }>()
    else expectTypeOf(event.payload).toEqualTypeOf<string>()
  }
  channel.listen(['orders', 'refunds'], (event) => {
    expectTypeOf(event).toEqualTypeOf<Both>()
    narrow(event)
  })
  channel.listen('refunds', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<string>())
  expectTypeOf(channel.publishSync<'orders'>)
    .parameter(1)
    .toEqualTypeOf<{ total: number }>()
})

types('payloads are typed by schemas: what goes in, and what comes out', async () => {
  await using channel = await EventChannel.open('sqlite::memory:', { logger: silent, schemas })
  expectTypeOf(channel.publish<'orders'>)
    .parameter(1)
    .toEqualTypeOf<{ total: number; note?: string | undefined }>()
  expectTypeOf(channel.publish<'days'>)
    .parameter(1)
    .toEqualTypeOf<{ day: string }>()
  channel.listen('days', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<{ day: Date }>())
  channel.listen('slow', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<{ id: string; length: number }>())
  channel.listen(['days', 'orders'], (event) => {
    if (event.channel === 'days') expectTypeOf(event.payload).toEqualTypeOf<{ day: Date }>()
    else expectTypeOf(event.payload.total).toEqualTypeOf<number>()
  })
  // @ts-expect-error: a channel without a schema
  await channel.publish('free', 1)
})

types('where some channels have a schema, the others are declared with them', async () => {
  interface Events {
    orders: { total: number }
    free: string
  }
  const options = { logger: silent, schemas: { orders: order } }
  await using channel = await EventChannel.open<Events>('sqlite::memory:', options)
  expectTypeOf(channel).toEqualTypeOf<EventChannel<Events>>()
  await channel.publish('free', 'anything')
  await rejects(channel.publish('orders', { total: 'many' } as never), 'PAYLOAD', /channel "orders"/)
})

types('without either, every channel takes anything and hands out the unknown', async () => {
  await using channel = await EventChannel.open('sqlite::memory:', { logger: silent })
  expectTypeOf(channel).toEqualTypeOf<EventChannel<AnyEvents>>()
  channel.listen('any', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<unknown>())
  await channel.publish('any', { thing: 1 })
})

types.run()
