import { createPool } from 'mysql2/promise'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { defer, sleep } from '../../src/common/wait.js'
import { mysql } from '../../src/engines/sql/mysql.js'
import { postgres } from '../../src/engines/sql/postgres.js'
import { EventChannel, type EventMessage, type SubscribeOptions } from '../../src/index.js'
import { Behind } from '../support/behind.js'
import { DATABASES, ON_SERVERS, type TestDatabase } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

const PATIENCE_MS = 20_000
const BACKENDS = ['queue', 'log'] as const
const joiningOf = (backend: string): SubscribeOptions => (backend === 'log' ? { group: 'g', from: 'earliest' } : {})

/** What became of one event in the hands of several handlers. */
interface Story {
  readonly begun: string[]
  readonly aborted: string[]
  readonly acked: [string, boolean][]
}

/** A handler that holds its event for long, writes down what it hears, and acks in the end. */
function holding(who: string, ms: number, { begun, aborted, acked }: Story, onBegin: () => void = () => undefined) {
  return async (event: EventMessage): Promise<void> => {
    begun.push(who)
    event.signal.addEventListener('abort', () => aborted.push(who))
    onBegin()
    await sleep(ms)
    acked.push([who, await event.ack()])
  }
}

const newStory = (): Story => ({ begun: [], aborted: [], acked: [] })

for (const db of ON_SERVERS) {
  const test = suite(`heartbeats on ${db.name}`)

  for (const backend of BACKENDS) {
    test(
      `${backend}: the one connection that a heartbeat uses goes silent: it goes over another, and the lease is kept`,
      async () => {
        const leaseMs = 4_000
        await using behind = await Behind.open(db, { backend, leaseMs, pollIntervalMs: 200 })
        const story = newStory()
        const began = defer<void>()
        const options = { ...joiningOf(backend), autoAck: false }
        const handler = holding('one', 2.5 * leaseMs, story, began.resolve)
        await behind.channel.listen('orders', handler, options).ready
        await behind.channel.publish('orders', 'x')
        await within(PATIENCE_MS, began.promise)
        const sprung = behind.proxy.trap({ after: [{ request: 'skip locked' }], how: 'freeze' })
        await behind.world.channel.listen('orders', holding('two', 0, story), options).ready
        await within(PATIENCE_MS, sprung, 'the silence')
        await eventually(PATIENCE_MS, () => story.acked.length > 0)
        assert.equal(story, { begun: ['one'], aborted: [], acked: [['one', true]] })
        assert.is(behind.channel.telemetry.snapshot()['events.lease.lost'], 0)
      },
      PATIENCE_MS * 2,
    )

    test(`${backend}: cut off from its database, a holder is told before another begins`, async () => {
      const leaseMs = 2_000
      await using behind = await Behind.open(db, { backend, leaseMs, pollIntervalMs: 50 })
      const events: string[] = []
      const told = defer<void>()
      const options = { ...joiningOf(backend), autoAck: false }
      const first = async (event: EventMessage) => {
        events.push('first begins')
        event.signal.addEventListener('abort', () => {
          events.push('first is told')
          told.resolve()
        })
        behind.proxy.freeze()
        behind.proxy.refuse(true)
        await told.promise
        // A late ack waits for its answer, which is what the database says.
        const acked = event.ack()
        await eventually(PATIENCE_MS, () => events.includes('second begins'))
        behind.proxy.refuse(false)
        events.push(`first acks: ${await acked}`)
      }
      await behind.channel.listen('orders', first, options).ready
      await behind.channel.publish('orders', 'x')
      await eventually(PATIENCE_MS, () => events.length === 1)
      const second = async (event: EventMessage) => {
        events.push('second begins')
        await event.ack()
      }
      await behind.world.channel.listen('orders', second, options).ready
      await eventually(PATIENCE_MS, () => events.length === 4)
      assert.equal(events, ['first begins', 'first is told', 'second begins', 'first acks: false'])
      assert.is(behind.channel.telemetry.snapshot()['events.lease.lost'], 1)
    })
  }

  test('told by its own clock, a holder may still ack what no other consumer took: the database says so', async () => {
    const leaseMs = 1_000
    await using behind = await Behind.open(db, { leaseMs })
    const taker = new Taker(behind.channel, 'orders')
    await behind.channel.publish('orders', 'x')
    const event = await taker.take()
    const aborted = new Promise<void>((resolve) => event.signal.addEventListener('abort', () => resolve()))
    behind.proxy.refuse(true)
    behind.proxy.cut()
    await within(SOON_MS, aborted)
    assert.match(String(event.signal.reason), /could not be extended in time: another consumer may have it/)
    behind.proxy.refuse(false)
    assert.is(await within(PATIENCE_MS, event.ack()), true)
    assert.equal(await behind.whereIs('x'), ['history'])
  })

  test('a row that a transaction has locked is neither lost nor in the way of others', async () => {
    const leaseMs = 1_500
    await using world = await World.open(db, { leaseMs, pollIntervalMs: 50 })
    const story = newStory()
    const options = { autoAck: false }
    const other = await world.another()
    for (const name of ['locked', 'free']) {
      await world.channel.listen(name, holding(name, 5 * leaseMs, story), options).ready
      await world.channel.publish(name, name)
    }
    await eventually(SOON_MS, () => story.begun.length === 2)
    for (const name of ['locked', 'free']) await other.listen(name, holding('other', 0, story), options).ready
    const tx = await world.place.begin()
    const handle = tx.handle as { query(sql: string): Promise<unknown> }
    await handle.query(`select id from ${world.place.table('queue')} where channel = 'locked' for update`)
    await sleep(3 * leaseMs)
    // Its row could not be extended: once it is unlocked, another consumer may have it at once.
    assert.equal({ ...story, begun: story.begun.sort() }, { begun: ['free', 'locked'], aborted: ['locked'], acked: [] })
    await tx.rollback()
    await eventually(PATIENCE_MS, () => story.acked.length === 3)
    assert.equal(story.begun, ['free', 'locked', 'other'])
    assert.equal(story.acked.sort(), [
      ['free', true],
      ['locked', false],
      ['other', true],
    ])
  })

  test('an extension that is told to be done is one, whatever the heartbeat does meanwhile', async () => {
    const leaseMs = 900
    const askedMs = 2_500
    await using world = await World.open(db, { leaseMs, pollIntervalMs: 50 })
    const count = 60
    await world.channel.publishMany(Array.from({ length: count }, (_, payload) => ({ channel: 'orders', payload })))
    const events = await new Taker(world.channel, 'orders', { prefetch: count }).takeMany(count)
    const short: number[] = []
    const extendOften = async (event: EventMessage, i: number) => {
      for (const untilMs = performance.now() + 2_000; performance.now() < untilMs; await sleep(100 + (i % 7) * 30)) {
        const beganMs = performance.now()
        if (!(await event.extend(askedMs).catch(() => false))) continue
        const leftMs = Number(event.leaseExpiresAt) - Date.now() + (performance.now() - beganMs)
        if (leftMs < askedMs - 100) short.push(Math.round(leftMs))
      }
    }
    await Promise.all(events.map(extendOften))
    assert.equal(short, [])
    await Promise.all(events.map((event) => event.ack()))
  })

  test('publishes that wait in locks leave a connection to what keeps leases', async () => {
    const leaseMs = 900
    await using place = await db.place()
    await using pool = openPool(db, place.url)
    const options = { backend: 'queue', logger: silent, leaseMs, pollIntervalMs: 50, ...place.options } as const
    await using channel = await EventChannel.open(pool.source, options)
    await using other = await EventChannel.open(place.url, options)
    const story = newStory()
    await channel.listen('orders', holding('one', 5 * leaseMs, story), { autoAck: false }).ready
    await channel.publish('orders', 'x')
    await eventually(SOON_MS, () => story.begun.length === 1)
    await other.listen('orders', holding('other', 0, story), { autoAck: false }).ready
    const tx = await place.begin()
    await other.publish('mails', 'first', { key: 'k', tx: tx.handle })
    const stuck: Promise<unknown>[] = []
    // Those of one moment would travel together, over one connection.
    for (const payload of ['a', 'b', 'c']) {
      stuck.push(channel.publishMany([{ channel: 'mails', payload, key: 'k' }]))
      await sleep(leaseMs / 3)
    }
    await sleep(3 * leaseMs)
    await tx.commit()
    await within(PATIENCE_MS, Promise.all(stuck))
    await eventually(PATIENCE_MS, () => story.acked.length === 1)
    assert.equal(story, { begun: ['one'], aborted: [], acked: [['one', true]] })
  })

  test.run()
}

for (const db of DATABASES) {
  const test = suite(`suspended beside ${db.name}`)

  test('a machine whose monotonic clock stood still: the holder asks as soon as it wakes, and is told', async () => {
    await using world = await World.open(db, { leaseMs: 60_000, pollIntervalMs: 100 })
    const held = new Taker(world.channel, 'orders')
    await world.channel.publish('orders', 'held')
    const event = await held.take()
    const now = Date.now
    try {
      await world.endLeases()
      const other = new Taker(await world.another(), 'orders')
      assert.is((await other.take()).attempts, 2)
      Date.now = () => now() + 600_000
      await eventually(SOON_MS, () => event.signal.aborted)
      assert.is(await event.ack(), false)
    } finally {
      Date.now = now
    }
  })

  test('a system clock that is set forward costs no lease', async () => {
    await using world = await World.open(db, { leaseMs: 60_000 })
    const held = new Taker(world.channel, 'orders')
    await world.channel.publish('orders', 'held')
    const event = await held.take()
    const endsMs = event.leaseExpiresAt?.getTime() ?? 0
    const now = Date.now
    try {
      await sleep(50)
      Date.now = () => now() + 600_000
      await eventually(SOON_MS, () => Number(event.leaseExpiresAt?.getTime()) > endsMs)
      assert.is(event.signal.aborted, false)
      assert.is(await event.ack(), true)
    } finally {
      Date.now = now
    }
  })

  test.run()
}

/** A user's pool of two connections. */
function openPool({ family }: TestDatabase, url: string) {
  if (family === 'postgres') {
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    return { source: postgres({ pool }), [Symbol.asyncDispose]: () => pool.end() }
  }
  const pool = createPool({ uri: url, connectionLimit: 2 })
  return { source: mysql({ pool }), [Symbol.asyncDispose]: () => pool.end() }
}
