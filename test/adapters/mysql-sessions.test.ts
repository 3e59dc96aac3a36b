import { createPool, type Pool } from 'mysql2/promise'
import * as assert from 'uvu/assert'
import { mysql } from '../../src/engines/sql/mysql.js'
import { ConfigurationError, EventChannel, type Logger } from '../../src/index.js'
import { MYSQL_FAMILY, type Place, type TestDatabase } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { assertLives } from '../support/life.js'
import { recorder, silent } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { SOON_MS } from '../support/world.js'

/** A pool of the user's whose sessions are set up by one statement each. */
function poolWith(place: Place, setting: string | undefined, connectionLimit = 4): Pool {
  const pool = createPool({ uri: place.url, connectionLimit })
  if (setting !== undefined) pool.pool.on('connection', (connection) => void connection.query(`set ${setting}`))
  return pool
}

const open = (pool: Pool, place: Place, logger: Logger = silent) =>
  EventChannel.open(mysql({ pool }), { backend: 'queue', logger, ...place.options })

/** Leaves every connection of the pool as some application might: with half of its work done. */
async function leaveAll(pool: Pool, statements: readonly string[], count = 4): Promise<void> {
  const connections = await Promise.all(Array.from({ length: count }, () => pool.getConnection()))
  for (const connection of connections) {
    for (const sql of statements) await connection.query(sql)
    connection.release()
  }
}

async function countOf(place: Place, table: string): Promise<number> {
  const [row] = await place.sql(`select count(*) as count from ${table}`)
  return Number(row?.count)
}

/** Settings of sessions that change what our statements do, and that are made good. */
const SURVIVED = [
  'autocommit = 0',
  'completion_type = 1',
  'completion_type = 2',
  'sql_safe_updates = 1',
  "sql_mode = ''",
  "sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE'",
  "sql_mode = 'TRADITIONAL,PAD_CHAR_TO_FULL_LENGTH,ONLY_FULL_GROUP_BY,HIGH_NOT_PRECEDENCE,REAL_AS_FLOAT'",
  "time_zone = '+09:00'",
  'names utf8mb4 collate utf8mb4_bin',
  'group_concat_max_len = 4, div_precision_increment = 0, max_sort_length = 8',
  'foreign_key_checks = 0, unique_checks = 0',
  'session transaction isolation level serializable',
  'default_storage_engine = MyISAM',
  'innodb_lock_wait_timeout = 1, lock_wait_timeout = 1',
  'sql_auto_is_null = 1, sql_notes = 0',
]

/** Settings that nothing we do can make good on a pool of the user's. */
const REFUSED: readonly [string, RegExp][] = [
  ['sql_select_limit = 2', /sql_select_limit is 2 in this session; it cuts answers: set it to default/],
  ['max_join_size = 1', /sql_big_selects is 0 in this session; .*max_join_size.*set it to 1/],
  ['session transaction read only', /(transaction|tx)_read_only is ON in this session; nothing can be written/],
  ['names latin1', /does not carry every text .*charset: 'utf8mb4'/],
  ["character_set_results = 'latin1'", /does not carry every text/],
  ["collation_connection = 'latin1_swedish_ci'", /does not carry every text/],
]
const ONLY_MARIADB: readonly [string, RegExp][] = [
  [
    "sql_mode = 'EMPTY_STRING_IS_NULL'",
    /sql_mode is EMPTY_STRING_IS_NULL in this session; .*leave EMPTY_STRING_IS_NULL out/,
  ],
]

async function isMariadb(place: Place): Promise<boolean> {
  const [row] = await place.sql('select version() as version')
  return /mariadb/i.test(String(row?.version))
}

/** Events that came, by their payload, in the order of numbers. */
async function received(channel: EventChannel, count: number): Promise<readonly unknown[]> {
  const seen: unknown[] = []
  const listener = channel.listen('orders', ({ payload }) => void seen.push(payload))
  await eventually(SOON_MS, () => seen.length >= count)
  await listener.stop()
  return seen.toSorted()
}

for (const server of MYSQL_FAMILY) testOn(server)

function testOn(server: TestDatabase): void {
  const test = suite(`sessions of others on ${server.name}`)

  for (const setting of SURVIVED) {
    test(`a queue and a log live on sessions with ${setting}`, async () => {
      await using place = await server.place()
      const pool = poolWith(place, setting)
      await assertLives(() => mysql({ pool }), place.options)
      await pool.end()
    })
  }

  test('settings that cannot be made good are refused by name, when opening and on a connection made later', async () => {
    await using place = await server.place()
    const refused = (await isMariadb(place)) ? [...REFUSED, ...ONLY_MARIADB] : REFUSED
    for (const [setting, message] of refused) {
      const pool = poolWith(place, setting)
      assert.instance(await rejects(open(pool, place), 'CONFIGURATION', message), ConfigurationError)
      await pool.end()

      const later = createPool({ uri: place.url, connectionLimit: 4 })
      const channel = await open(later, place)
      const connections = await Promise.all(Array.from({ length: 4 }, () => later.getConnection()))
      for (const connection of connections.slice(1)) connection.destroy()
      connections[0]?.destroy()
      later.pool.on('connection', (connection) => void connection.query(`set ${setting}`))
      await rejects(channel.publish('orders', 'later'), 'CONFIGURATION', message)
      await channel.close()
      await later.end()
    }
  })

  test('autocommit = 0: what a publish resolves is committed, what somebody left uncommitted is not, and it is said once', async () => {
    await using place = await server.place()
    await place.sql(`create table ${place.table('work')} (n int) engine = innodb`)
    const pool = poolWith(place, 'autocommit = 0')
    const logger = recorder()
    const channel = await open(pool, place, logger)
    await leaveAll(pool, [`insert into ${place.table('work')} values (1)`])
    await channel.publish('orders', 1)
    await channel.publishMany([2, 3].map((payload) => ({ channel: 'orders', payload })))
    assert.is(await countOf(place, place.table('queue')), 3, 'others see them')
    assert.is(await countOf(place, place.table('work')), 0)
    assert.equal(await received(channel, 3), [1, 2, 3])
    assert.is(await countOf(place, place.table('history')), 3)
    assert.is((await channel.stats()).length, 0)
    const told = logger.lines.filter(({ level }) => level === 'error')
    assert.is(told.length, 1)
    assert.match(String(told[0]?.message), /autocommit = 0: rowcast commits its own work.*set autocommit = 1/)
    await channel.close()
    await pool.end()
  })

  for (const [how, statements] of [
    ['inside a transaction', ['start transaction', 'insert into WORK values (1)']],
    [
      'after a commit with completion_type = CHAIN',
      ['set session completion_type = 1', 'start transaction', 'commit', 'insert into WORK values (1)'],
    ],
    ['with locked tables', ['lock tables WORK read']],
  ] as const) {
    test(`connections left ${how} are closed and never used; their work is not committed, ours is`, async () => {
      await using place = await server.place()
      const work = place.table('work')
      await place.sql(`create table ${work} (n int) engine = innodb`)
      const pool = poolWith(place, undefined)
      const logger = recorder()
      const channel = await open(pool, place, logger)
      const left = statements.map((sql) => sql.replace('WORK', work))
      await leaveAll(pool, left)
      for (let i = 1; i <= 5; i++) await channel.publish('orders', i)
      await leaveAll(pool, left)
      await channel.publishMany([6, 7].map((payload) => ({ channel: 'orders', payload })))
      await leaveAll(pool, left)
      assert.is(Number((await channel.stats('orders'))[0]?.ready), 7)
      assert.is(await countOf(place, place.table('queue')), 7, 'others see them')
      await leaveAll(pool, left)
      assert.equal(await received(channel, 7), [1, 2, 3, 4, 5, 6, 7])
      assert.is(await countOf(place, work), 0, 'nothing of the half-done work')
      const told = logger.lines.filter(({ level }) => level === 'error')
      assert.is(told.length, 1)
      assert.match(String(told[0]?.message), /came back to the pool inside a transaction, or with locked tables/)
      await channel.close()
      await pool.end()
    })
  }

  test('a read is never answered from a transaction that somebody left open', async () => {
    await using place = await server.place()
    const pool = poolWith(place, undefined)
    const channel = await open(pool, place)
    await leaveAll(pool, [
      'set session transaction isolation level repeatable read',
      'start transaction',
      `select * from ${place.table('queue')}`,
    ])
    const elsewhere = await EventChannel.open(place.url, { backend: 'queue', logger: silent, ...place.options })
    await elsewhere.publish('orders', 1)
    for (let i = 0; i < 4; i++) assert.is((await channel.stats('orders'))[0]?.ready, 1)
    await Promise.all([channel.close(), elsewhere.close()])
    await pool.end()
  })

  test('a pool that hands out nothing but open transactions is refused in words', async () => {
    await using place = await server.place()
    const pool = poolWith(place, undefined)
    const channel = await open(pool, place)
    pool.pool.on('connection', (connection) => void connection.query('start transaction'))
    await leaveAll(pool, ['start transaction'])
    await rejects(
      channel.publish('orders', 1),
      'CONFIGURATION',
      /every connection of the pool comes back inside a transaction/,
    )
    assert.is(await countOf(place, place.table('queue')), 0)
    await channel.close()
    await pool.end()
  })

  test('a transaction of the caller on a connection that garbles text is refused, and stays usable', async () => {
    await using place = await server.place()
    const pool = poolWith(place, undefined)
    const channel = await open(pool, place)
    const latin = createPool({ uri: place.url, charset: 'latin1', connectionLimit: 1 })
    const connection = await latin.getConnection()
    await connection.beginTransaction()
    await rejects(channel.publish('orders', 'Łódź', { tx: connection }), 'CONFIGURATION', /does not carry every text/)
    assert.equal((await connection.query('select 1 as one'))[0], [{ one: 1 }])
    await connection.rollback()
    connection.release()
    await channel.close()
    await Promise.all([pool.end(), latin.end()])
  })

  test("a pool of the user's gets no listener of ours, however many objects share it", async () => {
    await using place = await server.place()
    const pool = poolWith(place, undefined, 6)
    const listeners = () => [pool, pool.pool].map((each) => each.eventNames().map((name) => each.listenerCount(name)))
    const before = listeners()
    const channels = await Promise.all(Array.from({ length: 12 }, () => open(pool, place)))
    for (const channel of channels) await channel.publish('orders', 1)
    assert.equal(listeners(), before)
    await Promise.all(channels.map((channel) => channel.close()))
    await pool.end()
  })

  test.run()
}
