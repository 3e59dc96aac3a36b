import type { Connection } from 'mysql2/promise'
import * as assert from 'uvu/assert'
import { FIRST_ID } from '../src/common/clock.js'
import { mysqlDialect } from '../src/engines/sql/databases/mysql/dialect.js'
import { bind, type Parameters, type Statement, Statements } from '../src/engines/sql/statements.js'
import { fresh, MYSQL_FAMILY, type Place } from './support/databases.js'
import { listSteps } from './support/sql.js'
import { suite } from './support/suite.js'
import { World } from './support/world.js'

/*
 * How many rows a statement reads, counted by the server: a plan may look well and still read a whole channel, as where
 * MySQL sorts what MariaDB reads along a key.
 */

/** The most that a statement may read: lists have ten elements, limits are a hundred. */
const MOST_READ = 500

/** The most that a page of a hundred may read. */
const MOST_PAGE_READ = 102

/** What reads everything of a channel or a table, and why it may. */
const READS_ALL = new Map([
  ['operate/count_queue', 'counts'],
  ['operate/count_log', 'counts'],
  ['schema/find_migrations_table', 'reads the names of all tables of the database, when an object opens'],
  ['operate/list_groups', 'counts what is before a group'],
  ['log/find_appended', 'searches the log for events whose publish broke off'],
  ['log/append_again.stored', 'searches the log for events whose publish broke off'],
  ['log/find_position', 'searches the log for a reader that finds it emptied or restored'],
  [
    'log/lease_group.free',
    'looks from the tail of the log to the place where a member died: once, when another takes over',
  ],
])

const DIGITS = `(${Array.from({ length: 10 }, (_, digit) => `select ${digit} as digit`).join(' union all ')})`
const NUMBERS = `(select 1 + a.digit + 10 * b.digit + 100 * c.digit + 1000 * d.digit as n
  from ${DIGITS} a cross join ${DIGITS} b cross join ${DIGITS} c cross join ${DIGITS} d) as numbers`
const LATER = 'date_add(utc_timestamp(6), interval n minute)'
const EVENT = "uuid(), 'orders', '1', utc_timestamp(6)"

const sources = new Map(listSteps('mysql').map(({ title, text }) => [title, text]))

/** Thousands of rows in each table, of which the optimizer knows nothing yet. */
async function fill({ table, sql }: Place): Promise<void> {
  const event = 'id, channel, payload, created_at'
  const insert = (name: string, columns: string, values: string) =>
    sql(`insert into ${table(name)} (${columns}) select ${values} from ${NUMBERS}`)
  await insert('log', `${event}, position`, `${EVENT}, n`)
  await insert('log_incoming', event, EVENT)
  const queued = `${event}, priority, attempts, max_attempts, available_at`
  await insert('queue', queued, `${EVENT}, 5, 0, 5, utc_timestamp(6)`)
  await insert('scheduled', queued, `${EVENT}, 5, 0, 5, ${LATER}`)
  const settled = 'priority, attempts'
  await insert('history', `${event}, ${settled}, outcome, settled_at`, `${EVENT}, 5, 1, 'acked', utc_timestamp(6)`)
  const died = `${settled}, max_attempts, died_at, error`
  await insert('dead_letter', `${event}, ${died}`, `${EVENT}, 5, 5, 5, utc_timestamp(6), 'no'`)
  await insert('dedupe', 'id, channel, dedupe_key', "uuid(), 'orders', concat('key ', n)")
  const checkpoint =
    "insert into %t (channel, consumer_group, position, attempts, updated_at) values ('orders', 'g', 5000, 0, now())"
  await sql(checkpoint.replace('%t', table('checkpoint')))
}

/** What any of the statements takes. */
async function parametersFor({ table, sql }: Place, statement: Statement): Promise<Parameters> {
  const token = '00000000-0000-4000-8000-000000000000'
  const found = await sql(`select id, position from ${table('log')} limit 10`)
  const rows = found.map(({ id, position }, i) => ({
    ...{
      id,
      position,
      channel: 'orders',
      consumer_group: 'g',
      reached: id,
      last_position: 9_000,
      dedupe_key: `key ${i}`,
    },
    ...{ lease_token: token, lease_ms: 1_000, lease_expires_at_ms: 0, delay_ms: 1_000, available_at_ms: null },
    ...{
      payload: '1',
      metadata: null,
      error: null,
      reason: null,
      priority: 5,
      attempts: 1,
      max_attempts: 5,
      given_back: 0,
    },
    ...{ ripe_channel: 'orders', tail_channel: 'orders' },
  }))
  const known: Parameters = {
    ...{ channel: 'orders', channels: ['', 'orders', 'none'], consumer_group: 'g', consumer: 'test', limit: 100 },
    ...{
      after: statement.title === 'operate/list_dead_letters' ? null : 5_000,
      until: 9_000,
      position: 1,
      from_id: FIRST_ID,
    },
    ...{ lease_token: token, lease_ms: 1_000, retention_ms: 86_400_000, keep_history: true },
    ...{ log_position: 0, naps: [0.001] },
    ...{
      drop_unread: false,
      of_groups: false,
      kind: 'log',
      migrations_table: '`x`',
      version: 9,
      name: 'n',
      checksum: 'c',
    },
    ...{
      compatible_from: 1,
      id: statement.title === 'operate/list_dead_letters' ? null : FIRST_ID,
      payload: '1',
      metadata: null,
      priority: 5,
      max_attempts: 5,
      attempts: 5,
    },
    ...{ ids: rows.map(({ id }) => id), keyed: rows.map(({ id }) => id), error: 'no', reason: null },
  }
  const values = statement.parameters.map((name) => {
    const isList = new RegExp(`json_(table|length|extract)\\(:${name}\\b`).test(sources.get(statement.title) ?? '')
    if (name.endsWith('_ms') && !(name in known)) return [name, 1_000]
    if (!(name in known || isList)) throw new Error(`${statement.title} takes ${name}: say here what that may be`)
    return [name, known[name] ?? (isList ? rows : null)]
  })
  return Object.fromEntries(values)
}

for (const db of MYSQL_FAMILY) {
  const test = suite(`rows read on ${db.name}`)

  test('no statement reads more of a long table than it was asked for', async () => {
    await using world = await World.open(fresh(db), { backend: 'log' })
    const { place } = world
    await fill(place)
    const statements = new Statements(mysqlDialect(String(place.options.tablePrefix)))
    const verbs = new Set([...sources.keys()].map((name) => name.split('.')[0] ?? ''))
    const faults: string[] = []
    for (const statement of [...verbs].flatMap((verb) => statements.get(verb))) {
      const reads = await countReads(place, statement, await parametersFor(place, statement))
      if (reads > MOST_READ && !READS_ALL.has(statement.title)) faults.push(`${statement.title} reads ${reads} rows`)
    }
    assert.equal(faults, [])
  }, 60_000)

  test('a page of dead letters is read in order, whatever it is asked for', async () => {
    await using world = await World.open(fresh(db))
    const { place } = world
    await fill(place)
    const [page] = new Statements(mysqlDialect(String(place.options.tablePrefix))).get('operate/list_dead_letters')
    assert.ok(page)
    const letter = String(
      (await place.sql(`select id from ${place.table('dead_letter')} order by id limit 5000, 1`))[0]?.id,
    )
    for (const channel of ['orders', 'none', null]) {
      for (const [after, id] of [
        [null, null],
        [letter, null],
        [null, letter],
      ] as const) {
        const reads = await countReads(place, page, { of_groups: false, limit: 100, channel, after, id })
        assert.ok(reads <= MOST_PAGE_READ, `${reads} rows for ${JSON.stringify({ channel, after, id })}`)
      }
    }
  })

  test('a group that nobody died in is taken up without reading the log', async () => {
    await using world = await World.open(fresh(db), { backend: 'log' })
    await fill(world.place)
    const [free] = new Statements(mysqlDialect(String(world.place.options.tablePrefix))).get('log/lease_group')
    assert.ok(free)
    assert.ok((await countReads(world.place, free, await parametersFor(world.place, free))) <= MOST_READ)
  })

  test('a probe is one read of the key, for each channel in a queue and for the log as a whole', async () => {
    await using world = await World.open(fresh(db), { backend: 'log' })
    await fill(world.place)
    const statements = new Statements(mysqlDialect(String(world.place.options.tablePrefix)))
    const channels = ['orders', ...Array.from({ length: 9 }, (_, i) => `none ${i}`)]
    const counted: number[] = []
    for (const verb of ['queue/probe', 'log/probe', 'queue/long_poll', 'log/long_poll']) {
      for (const statement of statements.get(verb)) {
        counted.push(
          await countReads(world.place, statement, { channels, from_id: FIRST_ID, log_position: 0, naps: [0.001] }),
        )
      }
    }
    const [queue = Number.NaN, log = Number.NaN, queuePoll = Number.NaN, logPoll = Number.NaN] = counted
    // The list of channels is read, too, and where the key has none, MariaDB counts the row after it.
    assert.ok(queue <= 3 * channels.length + 2, `${queue} rows`)
    assert.ok(log <= 3, `${log} rows`)
    assert.ok(queuePoll <= 3 * channels.length + 4, `${queuePoll} rows`)
    assert.ok(logPoll <= 5, `${logPoll} rows`)
  })

  test.run()
}

/** Runs a statement in a transaction that comes to nothing. */
async function countReads(place: Place, statement: Statement, parameters: Parameters): Promise<number> {
  const { handle, rollback } = await place.begin()
  const connection = handle as Connection
  try {
    // This ends the transaction, so another one begins.
    await connection.query('flush status')
    await connection.beginTransaction()
    const values = bind(statement, parameters).map((value) => (typeof value === 'boolean' ? Number(value) : value))
    await connection.query(statement.text, values)
    const [rows] = await connection.query(`show session status like 'Handler_read%'`)
    return (rows as { Value: string }[]).reduce((sum, { Value }) => sum + Number(Value), 0)
  } finally {
    await rollback()
  }
}
