import * as assert from 'uvu/assert'
import { defer } from '../../src/common/wait.js'
import { type BackendName, type ChannelOptions, EventChannel, type SubscribeOptions } from '../../src/index.js'
import { DATABASES, type TestDatabase } from '../support/databases.js'
import { rejects, throws } from '../support/errors.js'
import { readSentence, readTable } from '../support/reference.js'
import { suite } from '../support/suite.js'
import { within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/*
 * Every bound that the reference states: what lies on it works, what lies just beyond is refused by name. The bounds are read
 * from the reference itself.
 */

const OPEN = readTable('channel option')
const SCHEDULING = readTable('scheduling option')
const SUBSCRIBE = [...readTable('consume option'), ...readTable('position option')]
const LISTEN = readTable('listen option')
const BACKOFF = readTable('backoff option')
const RATE_LIMIT = readTable('rate limit option')
const CLOSE = readTable('close option')
const STOP = readTable('stop option')
const NACK = readTable('nack option')
const EXTEND = readSentence('ms', 'at least `ms` (')
const PAGE = readTable('page option')

const BACKENDS: readonly BackendName[] = ['queue', 'log', 'notify']
/** Names of tables: what is in them cannot be thrown away with the place. `hostile-names` has them. */
const OF_TABLES = ['schema', 'tablePrefix']
/** A busy machine takes longer to hand an event on: such a lease is accepted, and ends on the way. */
const TOO_SHORT_MS = 10
/** Only for a group of a log. */
const OF_GROUPS = ['group']
const FAR = [new Date(0), new Date('9999-12-31T23:59:59.999Z')]
const TOO_FAR = [new Date(-1), new Date('+010000-01-01T00:00:00Z')]

const refusal = (option: string) => new RegExp(`\\b${option}\\b`)

/** Publishes one event and takes it. */
async function assertCarries(channel: EventChannel, options: SubscribeOptions = {}, name = 'orders'): Promise<void> {
  const taker = new Taker(channel, name, options)
  await within(SOON_MS, taker.subscription.ready, 'the subscription')
  const id = await channel.publish(name, 1)
  const event = await taker.take()
  assert.is(event.id, id)
  await event.ack()
  await taker.leave()
}

/** Whether a value is a lease that may end before its event is in hand. */
function endsOnTheWay(option: string, value: unknown): boolean {
  return option === 'leaseMs' && Number(value) <= TOO_SHORT_MS
}

/** Publishes one event to a listener. */
async function assertListens(channel: EventChannel, options: object): Promise<void> {
  const heard = defer<unknown>()
  const listener = channel.listen('heard', ({ payload }) => heard.resolve(payload), options)
  await within(SOON_MS, listener.ready, 'the listener')
  await channel.publish('heard', 1)
  assert.is(await within(SOON_MS, heard.promise, 'an event'), 1)
}

function testBounds(database: TestDatabase, backend: BackendName): void {
  const test = suite(`bounds: ${backend} on ${database.name}`)
  const open = (options: ChannelOptions = {}) => World.open(database, { backend, ...options })
  const isQueue = backend === 'queue'

  test('of channel options', async () => {
    await using world = await open()
    assert.ok(OPEN.length >= 8)
    for (const { option, within, beyond } of OPEN) {
      for (const value of beyond) {
        const refused = EventChannel.open(world.place.url, { ...world.place.options, [option]: value })
        await rejects(refused, 'CONFIGURATION', refusal(option))
      }
      if (OF_TABLES.includes(option)) continue
      for (const value of within) {
        const channel = await world.another({ [option]: value })
        if (!endsOnTheWay(option, value)) await assertCarries(channel)
      }
    }
  })

  test('of what is published', async () => {
    await using world = await open()
    assert.ok(SCHEDULING.length >= 4)
    for (const { option, within, beyond } of [...SCHEDULING, { option: 'availableAt', within: FAR, beyond: TOO_FAR }]) {
      for (const value of beyond) {
        await rejects(world.channel.publish('orders', 1, { [option]: value }), 'CONFIGURATION', refusal(option))
      }
      for (const value of within) {
        const publishing = world.channel.publish(`${option} ${String(value).slice(0, 20)}`, 1, { [option]: value })
        if (isQueue) await publishing
        else await rejects(publishing, 'UNSUPPORTED', refusal(option))
      }
    }
    if (isQueue)
      assert.is(
        (await world.channel.stats()).reduce((sum, { scheduled }) => sum + scheduled, 0),
        2,
      )
  })

  test('of sizes of payloads and metadata', async () => {
    await using world = await open({ maxPayloadBytes: 1_000 })
    const [fits, tooLong] = ['ü'.repeat(499), `${'ü'.repeat(499)}x`]
    const taker = new Taker(world.channel, 'orders')
    await taker.subscription.ready
    for (const publish of [
      (text: string) => world.channel.publish('orders', text),
      (text: string) => world.channel.publish('orders', 1, { metadata: { a: text.slice(3) } }),
      async (text: string) => (await world.channel.publishMany([{ channel: 'orders', payload: text }]))[0],
    ]) {
      await rejects(publish(tooLong), 'PAYLOAD', /100\d bytes .*maxPayloadBytes \(1000\)/)
      const id = await publish(fits)
      assert.is((await taker.take()).id, id)
    }
  })

  test('of names of channels', async () => {
    await using world = await open()
    for (const name of ['x', 'ü'.repeat(127).concat('x')]) await assertCarries(world.channel, {}, name)
    for (const name of ['', 'ü'.repeat(128)]) await rejects(world.channel.publish(name, 1), 'CONFIGURATION', /channel/)
  })

  test('of subscriptions', async () => {
    await using world = await open()
    assert.ok(SUBSCRIBE.length >= 4)
    for (const { option, within, beyond } of SUBSCRIBE) {
      for (const value of beyond) {
        throws(() => world.channel.subscribe('orders', { [option]: value }), 'CONFIGURATION', refusal(option))
      }
      if (OF_GROUPS.includes(option) && backend !== 'log') continue
      for (const value of within) {
        const channel = await world.another()
        if (endsOnTheWay(option, value)) await channel.subscribe('orders', { [option]: value }).ready
        else await assertCarries(channel, { [option]: value })
      }
    }
  })

  test('of listeners', async () => {
    await using world = await open()
    const nested = (name: string, all: typeof BACKOFF, others: object) =>
      all.map(({ option, within, beyond }) => ({
        option: `${name}.${option}`,
        within: within.map((value) => ({ [name]: { ...others, [option]: value } })),
        beyond: beyond.map((value) => ({ [name]: { ...others, [option]: value } })),
      }))
    const plain = LISTEN.map(({ option, within, beyond }) => ({
      option,
      within: within.map((value) => ({ [option]: value })),
      beyond: beyond.map((value) => ({ [option]: value })),
    }))
    const cases = [
      ...plain,
      ...nested('backoff', BACKOFF, {}),
      ...nested('rateLimit', RATE_LIMIT, { max: 1_000, perMs: 1_000 }),
    ]
    assert.ok(cases.length >= 7)
    for (const { option, within, beyond } of cases) {
      for (const options of beyond) {
        throws(
          () => world.channel.listen('orders', () => undefined, options),
          'CONFIGURATION',
          new RegExp(option.replace('.', '\\.')),
        )
      }
      for (const options of within) {
        const channel = await world.another()
        await assertListens(channel, options)
        await channel.close({ drainMs: 0 })
      }
    }
  })

  test('of ends', async () => {
    await using world = await open()
    assert.equal([CLOSE.length, STOP.length], [1, 1])
    for (const { option, within: fitting, beyond } of CLOSE) {
      for (const value of beyond) {
        await rejects(world.channel.close({ [option]: value }), 'CONFIGURATION', refusal(option))
      }
      for (const value of fitting) {
        await within(SOON_MS, (await world.another()).close({ [option]: value }), 'the end')
      }
    }
    for (const { option, within: fitting, beyond } of STOP) {
      for (const value of beyond) {
        const listener = world.channel.listen('ends', () => undefined)
        await rejects(listener.stop({ [option]: value }), 'CONFIGURATION', refusal(option))
      }
      for (const value of fitting) {
        const listener = world.channel.listen('orders', () => undefined)
        await within(SOON_MS, listener.ready, 'the listener')
        await within(SOON_MS, listener.stop({ [option]: value }), 'the end')
      }
    }
  })

  test('of settling', async () => {
    await using world = await open()
    const taker = new Taker(world.channel, 'orders')
    await taker.subscription.ready
    const [nack] = NACK
    assert.is(nack?.option, 'delayMs')
    for (const delayMs of (nack?.within ?? []) as number[]) {
      await world.channel.publish('orders', delayMs)
      const event = await taker.take()
      for (const beyond of (nack?.beyond ?? []) as number[]) {
        await rejects(event.nack({ delayMs: beyond }), 'CONFIGURATION', /delayMs/)
      }
      for (const beyond of EXTEND.beyond as number[]) await rejects(event.extend(beyond), 'CONFIGURATION', /extend/)
      for (const ms of EXTEND.within as number[]) assert.is(await event.extend(ms), true)
      assert.is(await event.nack({ delayMs }), isQueue)
      if (delayMs === 0 && isQueue) await (await taker.take()).ack()
    }
    if (isQueue) assert.is((await world.channel.stats('orders'))[0]?.scheduled, 1)
  })

  if (backend !== 'notify') {
    test('of pages', async () => {
      await using world = await open()
      assert.ok(PAGE.length >= 2)
      for (const { option, within, beyond } of PAGE) {
        for (const value of beyond) {
          await rejects(world.channel.deadLetters.list({ [option]: value }), 'CONFIGURATION', refusal(option))
        }
        for (const value of within) assert.equal(await world.channel.deadLetters.list({ [option]: value }), [])
      }
    })
  }

  test.run()
}

for (const database of DATABASES) for (const backend of BACKENDS) testBounds(database, backend)
