import { randomUUID } from 'node:crypto'
import * as assert from 'uvu/assert'
import { topicOf } from '../../src/engines/sql/flow/topics.js'
import { DATABASES, database } from '../support/databases.js'
import { recorder } from '../support/logger.js'
import { notify } from '../support/postgres.js'
import { assertCarries } from '../support/settings.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

interface ForeignRow {
  readonly payload: string
  readonly metadata?: string
  readonly attempts?: number
}

/** Rows that a hand or another program may write; Postgres itself sees to it that a payload is JSON. */
const NOT_JSON: readonly ForeignRow[] = [
  { payload: 'not json' },
  { payload: '' },
  { payload: '{"total":' },
  { payload: '1', metadata: 'not json' },
]
const WRONG_SHAPE: readonly ForeignRow[] = [
  { payload: '1', metadata: '5' },
  { payload: '1', metadata: '[]' },
  { payload: '1', metadata: 'null' },
  { payload: '1', metadata: '"text"' },
]

for (const each of DATABASES) {
  const test = suite(`rows that somebody else wrote, queue on ${each.name}`)
  const rows = each.name === 'postgres' ? WRONG_SHAPE : [...NOT_JSON, ...WRONG_SHAPE]

  async function insert(world: World, { payload, metadata, attempts = 0 }: ForeignRow, id: string = randomUUID()) {
    const now = each.ago(0)
    await world.place.sql(
      `insert into ${world.place.table('queue')} (channel, priority, id, payload, metadata, attempts, max_attempts, created_at, available_at)
       values ('orders', 5, '${id}', '${payload}', ${metadata === undefined ? 'null' : `'${metadata}'`}, ${attempts}, 5, ${now}, ${now})`,
    )
    return id
  }

  test('what cannot be decoded is counted, logged and set aside, once, and the consumer lives', async () => {
    const logger = recorder()
    await using world = await World.open(each, { logger, retentionMs: 0 })
    const taker = new Taker(world.channel, 'orders')
    for (const row of rows) await insert(world, row)
    await world.channel.publish('orders', 'good', { priority: 9 })
    const event = await taker.take()
    assert.is(event.payload, 'good')
    await event.ack()
    await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.dead'] === rows.length)
    const { 'events.decode.failed': failed, 'events.deliver': delivered } = world.channel.telemetry.snapshot()
    assert.equal([failed, delivered], [rows.length, 1])
    const told = logger.lines.filter(({ details }) => /cannot be decoded/.test(JSON.stringify(details ?? '')))
    assert.equal(
      told.map(({ level, message }) => `${level} ${message}`),
      rows.map(() => 'warn an event became a dead letter'),
    )
    const letters = await world.channel.deadLetters.list()
    assert.is(letters.length, rows.length)
    for (const letter of letters) assert.match(letter.error, /^cannot be decoded: /)
    assert.equal(letters.map(({ payload }) => String(payload)).sort(), rows.map(({ payload }) => payload).sort())
    await assertCarries(world)
  })

  test('a listener survives them, too', async () => {
    await using world = await World.open(each)
    const seen: unknown[] = []
    world.channel.listen('orders', ({ payload }) => void seen.push(payload), { concurrency: 4 })
    for (const row of rows) await insert(world, row)
    await world.channel.publish('orders', 'good', { priority: 9 })
    await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.dead'] === rows.length)
    await eventually(SOON_MS, () => seen.length === 1)
    assert.equal(seen, ['good'])
  })

  test('a row whose id or attempts are none of ours can be handled and settled', async () => {
    await using world = await World.open(each)
    const ids = [await insert(world, { payload: '"old"', attempts: -3 })]
    if (each.name !== 'postgres') ids.push(await insert(world, { payload: '"odd"' }, "no uuid; ''--"))
    const taker = new Taker(world.channel, 'orders')
    for (const _ of ids) assert.is(await (await taker.take()).ack(), true)
    assert.equal(await world.channel.stats('orders'), [])
    await assertCarries(world)
  })

  test.run()
}

const test = suite('notifications that somebody else sent')

const ID = '01890000-0000-7000-8000-000000000000'
const BAD_NOTIFICATIONS = [
  '',
  'not json',
  '{"i":',
  'null',
  '5',
  '"text"',
  '[]',
  '{}',
  JSON.stringify({ v: 2, id: ID, payload: 1 }),
  JSON.stringify({ i: 'no id', t: 1, c: 'orders', p: 1 }),
  JSON.stringify({ i: ID, t: 'now', c: 'orders', p: 1 }),
  `{"i":"${ID}","t":1e400,"c":"orders","p":1}`,
  `{"i":"${ID}","t":8.64e16,"c":"orders","p":1}`,
  JSON.stringify({ i: ID, t: 1, c: 5, p: 1 }),
  JSON.stringify({ i: ID, t: 1, c: 'orders' }),
  JSON.stringify({ i: ID, t: 1, c: 'orders', p: 1, m: 'text' }),
  JSON.stringify({ i: ID, t: 1, c: 'orders', p: 1, m: null }),
  JSON.stringify({ i: ID, t: 1, c: 'orders', p: 1, m: [] }),
  JSON.stringify({ i: ID, t: 1, c: 'orders', s: 1 }),
]

for (const tables of ['without tables', 'with tables']) {
  test(`each is counted and logged, and no subscriber stops, ${tables}`, async () => {
    const logger = recorder()
    await using world = await World.open(database('postgres'), { backend: 'notify', logger })
    if (tables === 'with tables') await world.channel.migrate()
    const topic = topicOf(String(world.place.options.schema), 'notify', 'orders')
    const taker = new Taker(world.channel, 'orders')
    const heard: unknown[] = []
    const listener = world.channel.listen('orders', ({ payload }) => void heard.push(payload))
    await Promise.all([taker.subscription.ready, listener.ready])
    for (const text of BAD_NOTIFICATIONS) await notify(world.place, topic, text)
    await world.channel.publish('orders', 'good')
    assert.is((await taker.take()).payload, 'good')
    await eventually(SOON_MS, () => heard.length === 1)
    // By each of the two subscribers.
    assert.is(world.channel.telemetry.snapshot()['events.decode.failed'], 2 * BAD_NOTIFICATIONS.length)
    assert.is(world.channel.telemetry.snapshot()['events.deliver'], 2)
    const told = logger.lines.filter(({ message }) => /notification was skipped|does not come back/.test(message))
    assert.is(told.length, 2 * BAD_NOTIFICATIONS.length)
    await assertCarries(world)
  })
}

test('an envelope of another channel is not for this one', async () => {
  await using world = await World.open(database('postgres'), { backend: 'notify' })
  const taker = new Taker(world.channel, 'orders')
  await taker.subscription.ready
  const topic = topicOf(String(world.place.options.schema), 'notify', 'orders')
  await notify(world.place, topic, JSON.stringify({ i: ID, t: 1, c: 'refunds', p: 1 }))
  await world.channel.publish('orders', 'good')
  assert.is((await taker.take()).payload, 'good')
})

test("a queue's wake-ups carry nothing, whatever is in them", async () => {
  await using world = await World.open(database('postgres'))
  const taker = new Taker(world.channel, 'orders')
  await taker.subscription.ready
  const topic = topicOf(String(world.place.options.schema), 'queue', 'orders')
  for (const text of BAD_NOTIFICATIONS) await notify(world.place, topic, text)
  const other = await world.another()
  await other.publish('orders', 'good')
  assert.is((await taker.take()).payload, 'good')
  assert.is(world.channel.telemetry.snapshot()['events.decode.failed'], 0)
})

test.run()
