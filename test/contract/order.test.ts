import { setTimeout as sleep } from 'node:timers/promises'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as assert from 'uvu/assert'
import { defer } from '../../src/common/wait.js'
import type { BackendName, ChannelOptions, EventChannel } from '../../src/index.js'
import { Behind } from '../support/behind.js'
import { DATABASES, type TestDatabase } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine, within } from '../support/wait.js'
import { SOON_MS, World } from '../support/world.js'

const numbers = (length: number, from = 0) => Array.from({ length }, (_, n) => from + n)

/** Everything that is delivered from now on, in its order. */
async function listenTo(channel: EventChannel, name: string): Promise<unknown[]> {
  const seen: unknown[] = []
  await channel.listen(name, ({ payload }) => void seen.push(payload)).ready
  return seen
}

const many = (channel: string, payloads: readonly unknown[]) => payloads.map((payload) => ({ channel, payload }))

/** Valid once it is told so. */
function schemaThatWaits(until: Promise<unknown>): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'test', validate: (value) => until.then(() => ({ value })) } }
}

const PLACES: readonly (readonly [TestDatabase, BackendName])[] = DATABASES.flatMap((database) =>
  (database.name === 'postgres' ? (['queue', 'log', 'notify'] as const) : (['queue', 'log'] as const)).map(
    (backend) => [database, backend] as const,
  ),
)

for (const [database, backend] of PLACES) {
  const test = suite(`the order of publishing, ${backend} on ${database.name}`)
  const open = (options: ChannelOptions = {}) => World.open(database, { backend, ...options })

  test('calls of one object on one channel are delivered in their order, one event or many, awaited or not', async () => {
    await using world = await open()
    const { channel } = world
    const seen = await listenTo(channel, 'orders')
    const calls: Promise<unknown>[] = []
    let next = 0
    for (const size of [3_000, 1, 1, 20, 1, 1_500, 2, 1, 700, 1]) {
      const payloads = numbers(size, next)
      next += size
      calls.push(size === 1 ? channel.publish('orders', payloads[0]) : channel.publishMany(many('orders', payloads)))
      if (size === 20) await Promise.all(calls)
    }
    const ids = (await Promise.all(calls)).flat()
    await eventually(SOON_MS * 2, () => seen.length === next)
    assert.equal(seen, numbers(next))
    assert.equal([...ids].sort(), ids)
  })

  test('what is published before a subscription is live comes before what is published after', async () => {
    await using world = await open()
    const { channel } = world
    for (let round = 0; round < 5; round++) {
      const seen: unknown[] = []
      const name = `orders-${round}`
      const listener = channel.listen(name, ({ payload }) => void seen.push(payload))
      const calls: Promise<unknown>[] = [channel.publish(name, 0), channel.publishMany(many(name, [1, 2]))]
      void listener.ready.then(() => calls.push(channel.publish(name, 3)))
      await listener.ready
      calls.push(channel.publish(name, 4), channel.publishMany(many(name, [5, 6])))
      await Promise.all(calls)
      await eventually(SOON_MS, () => seen.length === 7)
      assert.equal(seen, numbers(7))
    }
  })

  test('what is stored is what was given at the call, whatever the caller makes of it afterwards', async () => {
    const checked = defer<void>()
    await using world = await open({ schemas: { checked: schemaThatWaits(checked.promise) } })
    const { channel } = world
    const seen: Record<string, unknown>[] = []
    const payload = { n: 1 }
    const metadata = { by: 'a' }
    const listener = channel.listen(
      ['plain', 'checked'],
      (event) => void seen.push({ ...event.metadata, ...(event.payload as object) }),
    )
    const calls: Promise<unknown>[] = ['plain', 'checked'].map((name) => channel.publish(name, payload, { metadata }))
    calls.push(
      channel.publishMany([
        { channel: 'plain', payload, metadata },
        { channel: 'checked', payload, metadata },
      ]),
    )
    await listener.ready
    payload.n = 2
    calls.push(channel.publish('plain', payload, { metadata }))
    payload.n = 3
    metadata.by = 'b'
    checked.resolve()
    await Promise.all(calls)
    await eventually(SOON_MS, () => seen.length === 5)
    assert.equal(seen.map(({ n, by }) => `${n} ${by}`).sort(), ['1 a', '1 a', '1 a', '1 a', '2 a'])
  })

  test('calls wait for a schema that takes its time before them on their channel, and not on others', async () => {
    const checked = defer<void>()
    await using world = await open({ schemas: { checked: schemaThatWaits(checked.promise) } })
    const { channel } = world
    const seen = await listenTo(channel, 'plain')
    const both = channel.publishMany([
      { channel: 'checked', payload: 0 },
      { channel: 'plain', payload: 0 },
    ])
    const behind = channel.publish('plain', 1)
    await within(SOON_MS, channel.publish('other', 1))
    assert.equal(seen, [])
    checked.resolve()
    await Promise.all([both, behind])
    await eventually(SOON_MS, () => seen.length === 2)
    assert.equal(seen, [0, 1])
  })

  if (backend !== 'notify') {
    test('two calls at once in one transaction are stored in their order, and the driver has no complaint', async () => {
      await using world = await open()
      const { channel } = world
      const warnings: Error[] = []
      const onWarning = (warning: Error) => warnings.push(warning)
      process.on('warning', onWarning)
      const tx = await world.place.begin()
      const calls = [
        channel.publish('orders', 0, { tx: tx.handle }),
        channel.publishMany(many('orders', [1, 2]), { tx: tx.handle }),
        channel.publish('orders', 3, { tx: tx.handle }),
      ]
      await Promise.all(calls)
      await tx.commit()
      const seen: unknown[] = []
      const from = backend === 'log' ? ({ from: 'earliest' } as const) : {}
      channel.listen('orders', ({ payload }) => void seen.push(payload), from)
      await eventually(SOON_MS, () => seen.length === 4)
      assert.equal(seen, numbers(4))
      await sleep(0)
      process.off('warning', onWarning)
      assert.equal(warnings, [])
    })
  }

  if (database.name !== 'sqlite' && backend !== 'notify') {
    test('a later call does not overtake one that is tried again over a broken connection', async () => {
      await using behind = await Behind.open(database, { backend })
      const { proxy, channel, world } = behind
      const seen = await listenTo(world.channel, 'orders')
      const sprung = proxy.trap({ after: [{ request: 'one-mark' }], how: 'cut' })
      const first = channel.publishMany(many('orders', ['one-mark', ...numbers(1_500)]))
      const second = channel.publish('orders', 'two')
      await Promise.all([sprung, first, second])
      await eventually(SOON_MS * 2, () => seen.length >= 1_502)
      assert.equal(seen, ['one-mark', ...numbers(1_500), 'two'])
    })

    test('many events at once do not hold up other channels', async () => {
      await using world = await open()
      const { channel } = world
      await channel.publish('other', 0)
      let done = false
      const large = channel.publishMany(many('orders', numbers(30_000))).then(() => {
        done = true
      })
      let meanwhile = 0
      while (!done && meanwhile < 20) {
        await channel.publish('other', meanwhile)
        meanwhile++
      }
      assert.is(meanwhile, 20, `only ${meanwhile} before the large call was through`)
      await large
    })
  }

  test.run()
}

for (const database of DATABASES.filter(({ name }) => name !== 'sqlite')) {
  const test = suite(`keys and the order of publishing on ${database.name}`)

  test("a key that another's open transaction took holds up neither those without a key nor other keys", async () => {
    await using world = await World.open(database)
    const { channel } = world
    await channel.publish('orders', 'warm', { key: 'warm' })
    const tx = await world.place.begin()
    const theirs = await channel.publish('orders', 'theirs', { key: 'k', tx: tx.handle })
    const stuck = channel.publish('orders', 'mine', { key: 'k' })
    await within(SOON_MS, channel.publish('orders', 1))
    await within(SOON_MS, channel.publishMany(many('orders', [2, 3])))
    await within(SOON_MS, channel.publish('orders', 4, { key: 'other' }))
    await within(SOON_MS, channel.publishMany([{ channel: 'orders', payload: 5, key: 'others' }]))
    await tx.commit()
    assert.is(await within(SOON_MS, stuck), theirs)
  })

  test.run()
}

for (const database of DATABASES.filter(({ name }) => name === 'sqlite')) {
  const test = suite(`a schema without an answer on ${database.name}`)

  test('a call whose schema never answers is rejected after half a minute, and those behind it go on', async () => {
    await using world = await World.open(database, {
      schemas: { orders: schemaThatWaits(new Promise(() => undefined)) },
    })
    const startedMs = performance.now()
    const first = rejects(
      world.channel.publish('orders', 1),
      'PAYLOAD',
      /the schema of channel "orders" gave no answer within 30000 ms/,
    )
    const both = rejects(
      world.channel.publishMany([...many('other', [1]), ...many('orders', [1])]),
      'PAYLOAD',
      /no answer/,
    )
    const behind = world.channel.publish('other', 2)
    await Promise.all([first, both])
    await behind
    const tookMs = performance.now() - startedMs
    assert.ok(tookMs >= 29_900 && tookMs < onThisMachine(40_000), `${tookMs} ms`)
    assert.is((await world.channel.stats('other'))[0]?.ready, 1)
  }, 60_000)

  test.run()
}
