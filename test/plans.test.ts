import pg from 'pg'
import * as assert from 'uvu/assert'
import { FIRST_ID } from '../src/common/clock.js'
import { postgres } from '../src/engines/sql/postgres.js'
import { type Parameters, Statements } from '../src/engines/sql/statements.js'
import { EventChannel } from '../src/index.js'
import { DATABASES, database, fresh, type Place } from './support/databases.js'
import { silent } from './support/logger.js'
import { openPlanner, type Planner } from './support/plans.js'
import { suite } from './support/suite.js'
import { Taker, World } from './support/world.js'

/** Every statement that runs while events come and go. */
const VERBS = [
  ...['publish', 'publish_one', 'schedule', 'take_keys', 'find_keys', 'probe_keys', 'claim', 'ack_and_claim'],
  ...['ack_held_and_claim', 'extend', 'find_leased', 'release', 'reschedule', 'dead_letter', 'promote', 'next_due'],
  ...['probe', 'purge', 'find', 'find_acked'],
].map((verb) => `queue/${verb}`)
/** Those that look for what is first, and so read along an index. */
const ALONG_AN_INDEX =
  /^queue\/(claim|ack_and_claim|ack_(held_)?and_claim\.(head|claimed|leased)|promote|promote\.(ripe|stored|removed|due)|next_due|probe|purge|purge\.old)$/

const TABLES = ['queue', 'scheduled', 'history', 'dead_letter', 'dedupe']
const COUNTS = { orders: 4_000, refunds: 2_000, mail: 400 }

/** Thousands of events of several channels in every stage of life. */
async function fill(world: World): Promise<void> {
  const { channel, place } = world
  for (const [name, count] of Object.entries(COUNTS)) {
    const events = Array.from({ length: count }, (_, i) => ({
      channel: name,
      payload: { no: i, text: 'x'.repeat(100) },
      priority: 1 + (i % 9),
    }))
    await channel.publishMany(events.map((event, i) => (i % 4 === 0 ? { ...event, key: `key ${i}` } : event)))
    await channel.publishMany(events.slice(0, count / 2).map((event, i) => ({ ...event, delayMs: 60_000 + i })))
  }
  const [queue, history, deadLetter] = ['queue', 'history', 'dead_letter'].map((name) => place.table(name))
  await place.sql(
    `insert into ${history} (id, channel, priority, payload, attempts, outcome, created_at, settled_at)
     select id, channel, priority, payload, 1, 'acked', created_at, created_at from ${queue}`,
  )
  await place.sql(
    `insert into ${deadLetter} (id, channel, priority, payload, attempts, max_attempts, created_at, died_at, error)
     select id, channel, priority, payload, 1, 5, created_at, created_at, 'no' from ${queue}`,
  )
}

/** What any of the statements takes, a hundred rows where it takes a list. */
async function parametersFor(place: Place): Promise<Parameters> {
  const sql = `select priority, id from ${place.table('queue')} where channel = 'orders' order by priority, id limit 100`
  const token = '00000000-0000-4000-8000-000000000000'
  const rows = (await place.sql(sql)).map(({ priority, id }, i) => ({
    channel: 'orders',
    priority,
    id,
    lease_token: token,
    lease_expires_at_ms: 0,
    now_ms: 0,
    lease_ms: 1_000,
    delay_ms: 1_000,
    available_at_ms: null,
    given_back: 0,
    error: null,
    dedupe_key: `key ${i * 4}`,
    payload: '1',
    metadata: null,
    max_attempts: 5,
    ripe_channel: 'orders',
  }))
  const lists = [
    'events',
    'settled',
    'answered',
    'deliveries',
    'keys',
    'held',
    'acked',
    'head',
    'claimed',
    'ripe',
    'due',
    'stored',
    'old',
  ]
  return {
    ...Object.fromEntries(lists.map((name) => [name, rows])),
    acks: [{ priority: 5, lease_token: token, ids: rows.map(({ id }) => id) }],
    ids: rows.map(({ id }) => id),
    keyed: rows.map(({ id }) => id),
    whole: true,
    ranges: [
      { from_priority: 1, from_id: token, to_priority: 4, most: 500 },
      { from_priority: 5, from_id: token, to_priority: 9, most: 500 },
    ],
    channels: Object.keys(COUNTS),
    id: token,
    payload: '1',
    metadata: null,
    payloads: rows.map(() => 1),
    details: [],
    priority: 5,
    max_attempts: 5,
    topics: [],
    channel: 'orders',
    lease_token: token,
    lease_ms: 1_000,
    limit: 500,
    keep_history: true,
    consumer: 'test',
    retention_ms: 86_400_000,
  }
}

/** Each way to the rows that is neither by key nor, where it may be, along an index. */
async function findFaults(planner: Planner, parameters: Parameters): Promise<readonly string[]> {
  const statements = new Statements(planner.dialect)
  const faults: string[] = []
  const verbs = VERBS.filter((verb) => statements.has(verb))
  for (const statement of verbs.flatMap((verb) => statements.get(verb))) {
    const allowed = ALONG_AN_INDEX.test(statement.title) ? ['lookup', 'range'] : ['lookup']
    for (const { kind, said } of await planner.explain(statement, parameters)) {
      if (!allowed.includes(kind)) faults.push(`${statement.title}: ${kind}: ${said}`)
    }
  }
  return faults
}

for (const database of DATABASES) {
  const test = suite(`plans on ${database.name}`)
  const analyze = { postgres: 'analyze', mysql: 'analyze table', sqlite: 'analyze' }[database.family]

  test('every table that events pass through is read by key, or along an index and no further than asked', async () => {
    await using world = await World.open(fresh(database))
    await fill(world)
    for (const table of TABLES) await world.place.sql(`${analyze} ${world.place.table(table)}`)
    await using planner = await openPlanner(database, world.place)
    assert.equal(await findFaults(planner, await parametersFor(world.place)), [])
  })

  test.run()
}

const test = suite('plans on postgres')

test('a log that has grown fast, of which the planner knows nothing yet, is read along its key, and no further than asked', async () => {
  await using world = await World.open(fresh(database('postgres')), { backend: 'log' })
  const { place } = world
  const ids = "('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid"
  const payload = `('{"text": "' || repeat('x', 90) || '"}')::json`
  const fill = `alter table ${place.table('log')} set (autovacuum_enabled = off);
    alter table ${place.table('log_incoming')} set (autovacuum_enabled = off);
    insert into ${place.table('log')} (channel, position, id, payload, created_at)
    select 'orders', i, ${ids}, ${payload}, now() from generate_series(1, 50000) i;
    insert into ${place.table('log_incoming')} (id, channel, payload, created_at)
    select ${ids}, 'orders', ${payload}, now() from generate_series(50001, 100000) i`
  await place.sql(fill)
  await using planner = await openPlanner(database('postgres'), place)
  const parameters = {
    ...{ channel: 'orders', channels: ['', 'orders'], consumer_group: 'g', after: 10_000, until: 50_000, limit: 1_000 },
    ...{
      retention_ms: 86_400_000,
      drop_unread: false,
      from_id: FIRST_ID,
      most_bytes: 1_000,
    },
  }
  const statements = new Statements(planner.dialect)
  for (const table of ['', 'log', 'log_incoming']) {
    if (table !== '') await place.sql(`analyze ${place.table(table)}`)
    const faults: string[] = []
    for (const statement of ['log/read', 'log/sequence', 'log/purge'].flatMap((verb) => statements.get(verb))) {
      for (const { kind, said } of await planner.explain(statement, parameters)) {
        const isFirstChannel = said.endsWith('Limit > Index Only Scan: undefined')
        if (kind === 'sort' || (kind === 'scan' && !isFirstChannel)) faults.push(`${statement.title}: ${kind}: ${said}`)
      }
    }
    assert.equal(faults, [], table)
  }
})

/** One is left free for heartbeats; the others meet the same lock at the same time. */
const CONNECTIONS = 3

test('a prepared statement that took long twice in a row is planned each time while that helps', async () => {
  await using world = await World.open(fresh(database('postgres')))
  const pool = new pg.Pool({ connectionString: world.place.url, max: CONNECTIONS })
  await using _ended = { [Symbol.asyncDispose]: () => pool.end() }
  const options = { backend: 'queue', logger: silent, ...world.place.options } as const
  await using channel = await EventChannel.open(postgres({ pool }), options)
  const consume = async (name: string, count: number) => {
    const taker = new Taker(channel, name)
    for (let n = 0; n < count; n++) assert.is(await (await taker.take()).ack(), true)
    await taker.leave()
  }
  const events = (name: string) => Array.from({ length: 20 }, (_, payload) => ({ channel: name, payload }))
  await channel.publishMany(events('first'))
  await consume('first', 20)
  assert.ok((await countExecutions(pool)) > 0)

  await channel.publishMany(events('second'))
  const taker = new Taker(channel, 'second', { prefetch: 4 })
  for (const event of await taker.takeMany(2)) assert.is(await held(world.place, () => event.ack()), true)
  await taker.leave()
  const executions = await countExecutions(pool)
  await consume('second', 4)
  assert.is(await countExecutions(pool), executions)
})

/** Does work that meets a locked table, and so takes long. */
async function held<Result>(place: Place, work: () => Promise<Result>): Promise<Result> {
  const { handle, rollback } = await place.begin()
  await (handle as pg.ClientBase).query(`lock table ${place.table('queue')} in access exclusive mode`)
  const working = work()
  await new Promise((resolve) => setTimeout(resolve, 200))
  await rollback()
  return await working
}

/** How often the sessions of a pool have executed the exchange as a prepared statement. */
async function countExecutions(pool: pg.Pool): Promise<number> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.connect()))
  const sql = `select generic_plans + custom_plans as executions from pg_prepared_statements where name like 'rowcast_queue_ack_and_claim%'`
  const found = await Promise.all(clients.map((client) => client.query<{ executions: string }>(sql)))
  for (const client of clients) client.release()
  return found.flatMap(({ rows }) => rows).reduce((sum, { executions }) => sum + Number(executions), 0)
}

test.run()
