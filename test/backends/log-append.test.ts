import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import * as assert from 'uvu/assert'
import { FIRST_ID } from '../../src/common/clock.js'
import { postgresDialect } from '../../src/engines/sql/databases/postgres/dialect.js'
import { MOST_BYTES } from '../../src/engines/sql/flow/positions.js'
import { bind, Statements } from '../../src/engines/sql/statements.js'
import type { EventChannel } from '../../src/index.js'
import { Behind } from '../support/behind.js'
import { database } from '../support/databases.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/*
 * On Postgres, many events that are published at once get their positions on the way in.
 */

const test = suite('many events appended to a log on postgres')
const postgres = database('postgres')
const open = () => World.open(postgres, { backend: 'log' })
const MANY = 50
/** Of the test's own. */
const LOCK = 20_261_121
const publishMany = (channel: EventChannel, first: number, metadata?: { tenant: string }) =>
  channel.publishMany(
    Array.from({ length: MANY }, (_, n) => ({ channel: 'orders', payload: first + n, ...(metadata && { metadata }) })),
  )
const count = async (world: World, table: string) =>
  (await world.place.sql(`select 1 from ${world.place.table(table)}`)).length
const numbers = (length: number) => Array.from({ length }, (_, n) => n)
const marked = numbers(MANY).map((n) => ({ channel: 'orders', payload: `the-mark ${n}` }))

/** What was marked is in the log, each once and in order; returns the ids. */
async function storedOnce({ channel }: World): Promise<string[]> {
  const taker = new Taker(channel, 'orders', { from: 'earliest' })
  await channel.publish('orders', 'the end')
  const events = await taker.takeMany(MANY + 1)
  assert.equal(
    events.map(({ payload }) => payload),
    [...marked.map(({ payload }) => payload), 'the end'],
  )
  return events.slice(0, MANY).map(({ id }) => id)
}

test('they have positions before anybody reads', async () => {
  await using world = await open()
  // One that took long, since the machine is busy, is followed for a while by those that wait for their positions.
  let total = 0
  const publishAtOnce = async (metadata?: { tenant: string }) => {
    await world.channel.stats()
    await publishMany(world.channel, total, metadata)
    total += MANY
    return (await count(world, 'log_incoming')) === 0
  }
  await eventually(SOON_MS, () => publishAtOnce())
  await eventually(SOON_MS, () => publishAtOnce({ tenant: 'acme' }))
  assert.is(await count(world, 'log'), total)
  const events = await new Taker(world.channel, 'orders', { from: 'earliest' }).takeMany(total)
  assert.equal(
    events.map(({ payload }) => payload),
    numbers(total),
  )
  assert.equal(
    events.map(({ position }) => position),
    numbers(total).map((n) => n + 1),
  )
  assert.equal([events[0]?.metadata, events.at(-1)?.metadata], [{}, { tenant: 'acme' }])
})

test('they stay behind those that wait for their positions', async () => {
  await using world = await open()
  await world.channel.publish('orders', 0)
  await publishMany(world.channel, 1)
  assert.equal([await count(world, 'log'), await count(world, 'log_incoming')], [0, MANY + 1])
  const events = await new Taker(world.channel, 'orders', { from: 'earliest' }).takeMany(MANY + 1)
  assert.equal(
    events.map(({ payload }) => payload),
    numbers(MANY + 1),
  )
})

test('they wait for their positions, and nobody for theirs, while somebody else gives some', async () => {
  await using world = await open()
  const { handle, rollback } = await world.place.begin()
  await (handle as pg.ClientBase).query(`select from ${world.place.table('log_head')} for update`)
  await within(SOON_MS, publishMany(world.channel, 0), 'the publish')
  assert.equal([await count(world, 'log'), await count(world, 'log_incoming')], [0, MANY])
  await rollback()
  const events = await new Taker(world.channel, 'orders', { from: 'earliest' }).takeMany(MANY)
  assert.equal(
    events.map(({ payload }) => payload),
    numbers(MANY),
  )
})

for (const how of ['cut', 'half'] as const) {
  test(`they are stored once when the answer is ${how}`, async () => {
    await using behind = await Behind.open(postgres, { backend: 'log' })
    const sprung = behind.proxy.trap({ after: [{ request: 'the-mark' }], how })
    const ids = await within(SOON_MS, behind.channel.publishMany(marked), 'the publish')
    await sprung
    assert.equal(await storedOnce(behind.world), ids)
  })
}

test('they are stored once where the attempt whose answer was lost is still at it', async () => {
  await using behind = await Behind.open(postgres, { backend: 'log' })
  const { place } = behind.world
  // What the first attempt has to wait for at its end, when it has its positions and a dead connection.
  await place.sql(`
    create function ${place.options.schema}.wait() returns trigger language plpgsql as
      $$begin perform pg_advisory_xact_lock_shared(${LOCK}); return null; end$$;
    create trigger wait after insert on ${place.table('log')} execute function ${place.options.schema}.wait()`)
  const { handle, commit } = await place.begin()
  await (handle as pg.ClientBase).query(`select pg_advisory_xact_lock(${LOCK})`)
  const publishing = behind.channel.publishMany(marked)
  await sleep(200)
  behind.proxy.cut()
  // Long enough for the next attempt to come upon the first.
  await sleep(500)
  await commit()
  await within(SOON_MS, publishing, 'the publish')
  await storedOnce(behind.world)
})

test('what comes back along with positions is no more than a connection holds: it is sent under the lock of the log', async () => {
  await using world = await open()
  for (const [payload, count] of [
    ['x'.repeat(900), 900],
    ['', 3_000],
  ] as const) {
    // In a transaction of the caller's, so that they wait for their positions.
    const { handle, rollback } = await world.place.begin()
    await world.channel.publishMany(
      Array.from({ length: count }, () => ({ channel: 'orders', payload })),
      { tx: handle },
    )
    const [advance] = new Statements(postgresDialect(String(world.place.options.schema))).get('log/sequence')
    const parameters = { channels: ['', 'orders'], from_id: FIRST_ID, limit: 4_000, most_bytes: MOST_BYTES }
    assert.ok(advance)
    const { rows } = await (handle as pg.ClientBase).query(advance.text, bind(advance, parameters))
    const bytes = Buffer.byteLength(JSON.stringify(rows))
    assert.ok(rows.length === 3 && bytes > 5_000 && bytes < 60_000, `${bytes} bytes`)
    await rollback()
  }
})

test.run()
