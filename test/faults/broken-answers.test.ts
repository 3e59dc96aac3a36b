import * as assert from 'uvu/assert'
import type { EventMessage } from '../../src/index.js'
import { Behind } from '../support/behind.js'
import { database, ON_SERVERS } from '../support/databases.js'
import type { Sight, TcpProxy } from '../support/proxy.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { Taker } from '../support/world.js'

/*
 * The connection breaks between a request, which the database carries out, and its answer, which never arrives whole.
 */

const test = suite('answers that break off')
const LEASE_MS = 1_000
/** Longer than anything here takes: whatever comes back comes back for another reason. */
const LONG_LEASE_MS = 60_000
/** How long a test waits for what must happen at once, on a busy machine. */
const PATIENCE_MS = 15_000
const WAYS = ['cut', 'half'] as const

/** Breaks the answer to a request that holds this text, `times` times in a row; resolves after the last. */
async function spoil(proxy: TcpProxy, after: readonly Sight[], how: 'cut' | 'half', times = 1): Promise<void> {
  for (let i = 0; i < times; i++) await proxy.trap({ after, how })
}

for (const db of ON_SERVERS) {
  /** Where a settlement is committed: with its statement, or with a commit of its own. */
  const commit: readonly Sight[] = db.family === 'mysql' ? [{ request: 'commit' }] : []

  for (const how of WAYS) {
    test(`${db.name}: a publish whose answer is ${how} stores one row`, async () => {
      await using behind = await Behind.open(db)
      const sprung = spoil(behind.proxy, [{ request: 'the-mark' }], how)
      const id = await within(PATIENCE_MS, behind.channel.publish('orders', 'the-mark'))
      await sprung
      assert.equal(await behind.whereIs('the-mark'), ['queue'])
      const taker = new Taker(behind.world.channel, 'orders')
      assert.is((await taker.take(PATIENCE_MS)).id, id)
    })

    test(`${db.name}: a publish in a transaction whose commit's answer is ${how} stores one row`, async () => {
      await using behind = await Behind.open(db)
      const sprung = spoil(behind.proxy, [{ request: 'the-mark' }, { request: 'commit' }], how)
      const id = await within(PATIENCE_MS, behind.channel.publish('orders', 'the-mark', { key: 'k', delayMs: 60_000 }))
      await sprung
      assert.equal(await behind.whereIs('the-mark'), ['scheduled'])
      assert.is(await behind.world.channel.publish('orders', 'another', { key: 'k' }), id)
    })

    test(`${db.name}: an ack whose answer is ${how} is true, and the event is not delivered again`, async () => {
      await using behind = await Behind.open(db, { leaseMs: LONG_LEASE_MS })
      const taker = new Taker(behind.channel, 'orders')
      await behind.channel.publish('orders', 'the-mark')
      const event = await taker.take(PATIENCE_MS)
      const sprung = spoil(behind.proxy, [{ request: event.id }, ...commit], how)
      assert.is(await within(PATIENCE_MS, event.ack()), true)
      await sprung
      assert.equal(await behind.whereIs('the-mark'), ['history'])
      const { 'events.ack': acks, 'events.lease.lost': lost = 0 } = behind.channel.telemetry.snapshot()
      assert.equal([acks, lost], [1, 0])
    })

    test(`${db.name}: a claim whose answer is ${how} comes again when its lease ends, not before`, async () => {
      await using behind = await Behind.open(db, { leaseMs: LEASE_MS })
      const seen: EventMessage[] = []
      const listener = behind.channel.listen('orders', (event) => void seen.push(event))
      await listener.ready
      const sprung = spoil(behind.proxy, [{ answer: 'the-mark' }, ...commit], how).then(() => performance.now())
      await behind.world.channel.publish('orders', 'the-mark')
      const brokeAtMs = await within(PATIENCE_MS, sprung)
      await eventually(PATIENCE_MS, async () => (await behind.whereIs('the-mark'))[0] === 'history')
      const stallMs = performance.now() - brokeAtMs
      assert.equal(
        seen.map(({ attempts }) => attempts),
        [2],
      )
      assert.ok(stallMs > LEASE_MS * 0.9, `${stallMs} ms`)
    })
  }

  test(`${db.name}: many publishes whose answers break off, and the question after them too, store one row each`, async () => {
    await using behind = await Behind.open(db)
    const ids: string[] = []
    for (let round = 0; round < 4; round++) {
      const sprung = (async () => {
        await behind.proxy.trap({ after: [{ request: 'the-mark' }], how: 'cut' })
        await behind.proxy.trap({ after: [{ request: 'orders' }], how: 'cut' })
      })()
      const mark = (i: number) => `the-mark ${round} ${i}`
      const callers = Array.from({ length: 20 }, (_, i) => behind.channel.publish('orders', mark(i)))
      const many = Array.from({ length: 20 }, (_, i) => ({ channel: 'orders', payload: mark(20 + i) }))
      ids.push(...(await within(PATIENCE_MS, Promise.all([...callers, behind.channel.publishMany(many)]))).flat())
      await within(PATIENCE_MS, sprung)
    }
    assert.is(new Set(ids).size, 160)
    assert.is((await behind.whereIs('the-mark')).length, 160)
  })

  test(`${db.name}: a publish whose answer breaks off, while its event is consumed, is not stored again`, async () => {
    await using behind = await Behind.open(db)
    const acked: string[] = []
    const consumer = behind.world.channel.listen('orders', (event) => void acked.push(event.id), { pollIntervalMs: 20 })
    await consumer.ready
    const sprung = spoil(behind.proxy, [{ request: 'the-mark' }], 'cut')
    const published = behind.channel.publish('orders', 'the-mark')
    await within(PATIENCE_MS, sprung)
    behind.proxy.refuse(true)
    behind.proxy.cut()
    await eventually(PATIENCE_MS, async () => (await behind.whereIs('the-mark'))[0] === 'history')
    behind.proxy.refuse(false)
    const id = await within(PATIENCE_MS, published)
    assert.equal(await behind.whereIs('the-mark'), ['history'])
    assert.equal(acked, [id])
  })

  test(`${db.name}: an ack whose answer broke off, with no history to ask, is never delivered again`, async () => {
    await using behind = await Behind.open(db, { leaseMs: LEASE_MS, retentionMs: 0 })
    const taker = new Taker(behind.channel, 'orders')
    await behind.channel.publish('orders', 'the-mark')
    const event = await taker.take(PATIENCE_MS)
    const sprung = spoil(behind.proxy, [{ request: event.id }, ...commit], 'cut')
    // Whether it was acked is not known any more; that nobody holds it is.
    assert.type(await within(PATIENCE_MS, event.ack()), 'boolean')
    await sprung
    assert.equal(await behind.whereIs('the-mark'), [])
  })

  test(`${db.name}: an ack whose answer broke off is not taken for a lost lease by the heartbeat`, async () => {
    await using behind = await Behind.open(db, { leaseMs: 300 })
    const taker = new Taker(behind.channel, 'orders')
    await behind.channel.publish('orders', 'the-mark')
    const event = await taker.take(PATIENCE_MS)
    const sprung = spoil(behind.proxy, [{ request: event.id }, ...commit], 'cut')
    const acked = event.ack()
    await sprung
    behind.proxy.refuse(true)
    behind.proxy.cut()
    setTimeout(() => behind.proxy.refuse(false), 1_000)
    assert.is(await within(PATIENCE_MS, acked), true)
    assert.is(event.signal.aborted, false)
    assert.is(behind.channel.telemetry.snapshot()['events.lease.lost'] ?? 0, 0)
  })

  test(`${db.name}: a nack whose answer breaks off is true, and leaves the event in one place`, async () => {
    await using behind = await Behind.open(db, { leaseMs: LONG_LEASE_MS })
    for (const [mark, delayMs, maxAttempts, table] of [
      ['at-once', 0, 5, 'queue'],
      ['later', 60_000, 5, 'scheduled'],
      ['for-good', 0, 1, 'dead_letter'],
    ] as const) {
      await behind.channel.publish(mark, mark, { maxAttempts })
      const taker = new Taker(behind.channel, mark)
      const event = await taker.take(PATIENCE_MS)
      await taker.leave()
      const sprung = spoil(behind.proxy, [{ request: event.id }, ...commit], 'cut')
      assert.is(await within(PATIENCE_MS, event.nack({ delayMs })), true)
      await sprung
      assert.equal(await behind.whereIs(mark), [table])
    }
  })

  test(`${db.name}: answers that are late change nothing`, async () => {
    await using behind = await Behind.open(db, { leaseMs: LEASE_MS })
    behind.proxy.delay(50)
    const seen: number[] = []
    behind.channel.listen('orders', (event) => void seen.push(event.payload as number), { concurrency: 8 })
    const numbers = Array.from({ length: 100 }, (_, i) => i)
    await within(PATIENCE_MS, Promise.all(numbers.map((i) => behind.channel.publish('orders', i))))
    await eventually(PATIENCE_MS, async () => {
      const [stats] = await behind.world.channel.stats('orders')
      return seen.length >= 100 && (stats?.ready ?? 0) + (stats?.leased ?? 0) === 0
    })
    assert.equal(
      seen.sort((a, b) => a - b),
      numbers,
    )
    assert.is(behind.channel.telemetry.snapshot()['events.lease.lost'] ?? 0, 0)
  })
}

test('postgres: an ack that was given up, and is done by the server later, is told as true', async () => {
  await using behind = await Behind.open(database('postgres'), { leaseMs: LONG_LEASE_MS })
  const { place } = behind.world
  await behind.channel.publish('orders', 'the-mark')
  const event = await new Taker(behind.channel, 'orders').take(PATIENCE_MS)
  const tx = await place.begin()
  const history = place.table('history')
  await (tx.handle as { query(sql: string): Promise<unknown> }).query(`lock table ${history} in share mode`)
  const waiting = async (count: number) => {
    const locks = `select 1 from pg_locks where not granted and relation = '${history}'::regclass`
    await eventually(PATIENCE_MS, async () => (await place.sql(locks)).length === count)
  }
  const acked = event.ack()
  await waiting(1)
  // Its session waits on, and does not notice.
  behind.proxy.cut()
  await waiting(2)
  await tx.rollback()
  assert.is(await within(PATIENCE_MS, acked), true)
  assert.equal(await behind.whereIs('the-mark'), ['history'])
  assert.is(behind.channel.telemetry.snapshot()['events.lease.lost'], 0)
})

test.run()
