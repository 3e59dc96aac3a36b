import pg from 'pg'
import * as assert from 'uvu/assert'
import { type PostgresPool, postgres } from '../src/engines/sql/postgres.js'
import { EventChannel } from '../src/index.js'
import { database, type Place } from './support/databases.js'
import { rejects } from './support/errors.js'
import { leaveIn, SilentClient } from './support/leftovers.js'
import { recorder, silent } from './support/logger.js'
import { bareRole } from './support/postgres.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'
import { SOON_MS } from './support/world.js'

/*
 * A pool of the application's: its sessions come to rowcast as the application left them.
 */

const test = suite('sessions of a shared Postgres pool')
const SIZE = 3

/** A pool with a table of the application's beside it; `url` may lead through another login. */
async function sharedPool(config: pg.PoolConfig = {}) {
  const place = await database('postgres').place()
  const pool = new pg.Pool({ connectionString: place.url, max: SIZE, ...config })
  pool.on('error', () => undefined)
  const logger = recorder()
  const mine = `${place.options.schema}_mine`
  await place.sql(`create table ${mine} (n int); grant all on ${mine} to public`)
  const channel = await EventChannel.open(postgres({ pool }), { backend: 'queue', logger, ...place.options })
  return {
    place,
    pool,
    logger,
    channel,
    mine,
    async [Symbol.asyncDispose]() {
      await channel.close({ drainMs: 0 })
      await pool.end()
      await place.sql(`drop table ${mine}`)
      await place[Symbol.asyncDispose]()
    },
  }
}

async function countOf(place: Place, table: string): Promise<number> {
  return Number((await place.sql(`select count(*) as count from ${table}`))[0]?.count)
}

/** Publishes one by one and in bulk, and asserts that others see all of it, as it was. */
async function assertStores(channel: EventChannel, place: Place): Promise<void> {
  for (let i = 0; i < 6; i++) await channel.publish('left', `é日${i}`)
  await channel.publishMany([
    { channel: 'left', payload: 'many' },
    { channel: 'left', payload: 'later', delayMs: 1 },
  ])
  assert.is((await countOf(place, place.table('queue'))) + (await countOf(place, place.table('scheduled'))), 8)
  const seen: unknown[] = []
  const listener = channel.listen('left', ({ payload }) => void seen.push(payload), { pollIntervalMs: 100 })
  await eventually(SOON_MS, () => seen.length >= 8)
  await listener.stop()
  assert.equal(seen.sort(), ['later', 'many', ...Array.from({ length: 6 }, (_, i) => `é日${i}`)].sort())
}

const LEFT: Readonly<Record<string, { readonly sql: readonly string[]; readonly told?: RegExp }>> = {
  'a transaction': { sql: ['begin', 'insert into MINE values (1)'], told: /inside a transaction: what it did/ },
  'a transaction with an old snapshot': {
    sql: ['begin isolation level repeatable read', 'select 1'],
    told: /inside a transaction/,
  },
  'a read-only transaction': { sql: ['begin read only'], told: /inside a transaction/ },
  'a transaction that failed': { sql: ['begin', 'select 1 / 0'], told: /inside a transaction/ },
  'a transaction that failed at once': { sql: ['begin; select 1 / 0'], told: /inside a transaction/ },
  'another role': { sql: ['set role ROLE'], told: /with another role/ },
  'another encoding': { sql: [`set client_encoding = 'LATIN1'`], told: /client_encoding set to LATIN1/ },
  'a read-only session': { sql: ['set default_transaction_read_only = on'] },
  'serializable by default': { sql: [`set default_transaction_isolation = 'serializable'`] },
  'repeatable read by default': { sql: [`set default_transaction_isolation = 'repeatable read'`] },
  'no triggers': { sql: ['set session_replication_role = replica'] },
  'an empty search_path': { sql: [`set search_path = ''`] },
  'tables of its own by our names': { sql: ['create temp table queue (a int)', 'set search_path = pg_temp'] },
  'strings with escapes': { sql: ['set standard_conforming_strings = off'] },
  'other formats': {
    sql: [
      `set datestyle = 'German'; set timezone = 'Asia/Kolkata'; set intervalstyle = 'sql_standard'`,
      `set extra_float_digits = -15; set bytea_output = 'escape'; set lc_messages = 'C'`,
    ],
  },
  'a short lock_timeout': { sql: ['set lock_timeout = 1'] },
  'a short limit for idle transactions': { sql: ['set idle_in_transaction_session_timeout = 1'] },
  'everything compiled': { sql: ['set jit = on; set jit_above_cost = 0'] },
  'a LISTEN': { sql: ['listen other'] },
  'no prepared statements any more': { sql: ['discard all'] },
}

for (const [what, { sql, told }] of Object.entries(LEFT)) {
  for (const Client of [pg.Client, SilentClient]) {
    const version = Client === SilentClient ? ', with a driver that does not tell how a session stands' : ''
    test(`${what}, left behind: events are stored as ever, the application's half-done work is not${version}`, async () => {
      await using shared = await sharedPool({ Client } as pg.PoolConfig)
      await using role = await bareRole(shared.place)
      const name = new URL(role.url).username
      for (let i = 0; i < SIZE; i++) await shared.channel.publish('before', i)
      await shared.place.sql(`truncate ${shared.place.table('queue')}`)
      await leaveIn(
        shared.pool,
        SIZE,
        sql.map((text) => text.replace('MINE', shared.mine).replace('ROLE', name)),
      )
      await assertStores(shared.channel, shared.place)
      assert.is(await countOf(shared.place, shared.mine), 0)
      const errors = shared.logger.lines.filter(({ level }) => level === 'error')
      assert.is(errors.length, told === undefined ? 0 : 1, JSON.stringify(errors))
      if (told !== undefined) assert.match(String(errors[0]?.message), told)
    })
  }
}

test('a driver that hides its connection, too, is asked before each use', async () => {
  await using shared = await sharedPool()
  const hidden = new WeakMap<object, object>()
  const pool = {
    query: (config: never) => shared.pool.query(config),
    async connect() {
      const client = await shared.pool.connect()
      const facade = hidden.get(client) ?? {
        on: client.on.bind(client),
        off: client.off.bind(client),
        query: (config: never) => client.query(config),
        release: (error?: Error) => client.release(error),
      }
      hidden.set(client, facade)
      return facade
    },
  }
  const options = { backend: 'queue', logger: shared.logger, ...shared.place.options } as const
  await using channel = await EventChannel.open(postgres({ pool: pool as unknown as PostgresPool }), options)
  await leaveIn(shared.pool, SIZE, ['begin', `insert into ${shared.mine} values (1)`])
  await assertStores(channel, shared.place)
  assert.is(await countOf(shared.place, shared.mine), 0)
})

test('a pool that hands out nothing but transactions is refused at opening, and in use', async () => {
  await using shared = await sharedPool()
  class Wrapped extends pg.Client {
    override connect(): Promise<pg.Client>
    override connect(callback: (error: Error | null) => void): void
    override connect(callback?: (error: Error | null) => void): never {
      const connected = super
        .connect()
        .then(() => this.query('begin'))
        .then(() => this)
      if (callback !== undefined) connected.then(() => callback(null), callback)
      return connected as never
    }
  }
  const pool = new pg.Pool({ connectionString: shared.place.url, max: SIZE, Client: Wrapped as never })
  const opening = EventChannel.open(postgres({ pool }), { backend: 'queue', logger: silent, ...shared.place.options })
  await rejects(opening, 'CONFIGURATION', /no connection that is fit for use: .* inside a transaction/)
  await pool.end()
})

test('a client that the application goes on to use after it released it spoils nothing', async () => {
  await using shared = await sharedPool({ max: 2 })
  for (let i = 0; i < 5; i++) {
    const client = await shared.pool.connect()
    client.release()
    const late = client.query('begin').catch(() => undefined)
    await shared.channel.publish('late', i)
    await late
  }
  assert.is(await countOf(shared.place, shared.place.table('queue')), 5)
  assert.match(JSON.stringify(shared.logger.lines), /used a client after it had released it|inside a transaction/)
})

test('what the server refuses inside a transaction that the application began too late leaves no session that fails', async () => {
  await using shared = await sharedPool({ max: 2 })
  await shared.place.sql(`drop table ${shared.place.table('queue')}`)
  for (let i = 0; i < 5; i++) {
    const client = await shared.pool.connect()
    client.release()
    const late = client.query('begin').catch(() => undefined)
    await rejects(shared.channel.publish('late', 1), 'MIGRATION', /the tables are not there/)
    await late
    assert.equal((await shared.pool.query('select 1 as one')).rows, [{ one: 1 }])
  }
})

for (const reset of ['discard all', 'deallocate all', 'reset all; set search_path = nowhere']) {
  test(`every session is emptied between uses (${reset}): no publish rejects, nothing is lost or doubled`, async () => {
    await using shared = await sharedPool()
    shared.pool.on('acquire', (client) => void client.query(reset).catch(() => undefined))
    const seen: unknown[] = []
    const listener = shared.channel.listen('emptied', ({ payload }) => void seen.push(payload), { concurrency: 4 })
    await listener.ready
    for (let i = 0; i < 40; i++) await shared.channel.publish('emptied', i)
    await shared.channel.publishMany(Array.from({ length: 10 }, (_, i) => ({ channel: 'emptied', payload: 40 + i })))
    await eventually(SOON_MS, () => seen.length >= 50)
    assert.equal(
      (seen as number[]).sort((a, b) => a - b),
      Array.from({ length: 50 }, (_, i) => i),
    )
    const warnings = shared.logger.lines.filter(({ level }) => level !== 'debug' && level !== 'info')
    assert.equal(warnings, [])
  })
}

test('tables that are altered under prepared statements: nothing rejects', async () => {
  await using shared = await sharedPool({ max: 2 })
  const { place, channel } = shared
  const died = `insert into ${place.table('dead_letter')} (id, channel, priority, payload, attempts, max_attempts, created_at, died_at, error)
    select gen_random_uuid(), 'altered', 5, '1', 1, 1, now(), now(), 'x' from generate_series(1, 3)`
  await place.sql(died)
  const look = async () => {
    for (let i = 0; i < 20; i++) {
      await channel.publish('altered', i, { key: `k${i}` })
      assert.is((await channel.deadLetters.list()).length, 3)
    }
  }
  await look()
  for (const type of ['bigint', 'numeric', 'integer']) {
    await place.sql(`alter table ${place.table('dead_letter')} alter column max_attempts type ${type}`)
    await look()
  }
})

test('twenty channel objects on one pool keep one listener on it, and none when they are closed', async () => {
  await using shared = await sharedPool()
  const warned: string[] = []
  const note = (warning: Error) => void warned.push(warning.name)
  process.on('warning', note)
  const options = { backend: 'queue', logger: silent, ...shared.place.options } as const
  const channels = []
  for (let i = 0; i < 20; i++) channels.push(await EventChannel.open(postgres({ pool: shared.pool }), options))
  assert.is(shared.pool.listenerCount('connect'), 1)
  for (const channel of channels) await channel.close()
  await channels[0]?.close()
  assert.is(shared.pool.listenerCount('connect'), 1)
  await shared.channel.close()
  assert.is(shared.pool.listenerCount('connect'), 0)
  process.off('warning', note)
  assert.equal(warned, [])
})

test('publishing many times at once in one transaction, from several objects: one after the other, in order', async () => {
  await using shared = await sharedPool()
  const options = { backend: 'queue', logger: silent, ...shared.place.options } as const
  await using other = await EventChannel.open(shared.place.url, options)
  const warned: string[] = []
  const note = (warning: Error) => void warned.push(warning.message)
  process.on('warning', note)
  const client = await shared.pool.connect()
  await client.query('begin')
  const calls = Array.from({ length: 20 }, (_, i) =>
    i % 3 === 0
      ? shared.channel.publishMany(
          [
            { channel: 'at-once', payload: i, key: `k${i}` },
            { channel: 'at-once', payload: i, delayMs: 60_000 },
          ],
          { tx: client },
        )
      : (i % 2 ? shared.channel : other).publish('at-once', i, { tx: client }),
  )
  await Promise.all(calls)
  await client.query('commit')
  client.release()
  process.off('warning', note)
  assert.equal(warned, [])
  assert.is(await countOf(shared.place, shared.place.table('queue')), 20)
  const rows = await shared.place.sql(`select payload::text as n from ${shared.place.table('queue')} order by ctid`)
  assert.equal(
    rows.map(({ n }) => Number(n)),
    Array.from({ length: 20 }, (_, i) => i),
  )
})

test('a pool in pipeline mode, and one whose connect is wrapped by callbacks', async () => {
  await using shared = await sharedPool({ pipeline: true })
  await leaveIn(shared.pool, SIZE, ['begin', `insert into ${shared.mine} values (1)`])
  await assertStores(shared.channel, shared.place)
  await shared.place.sql(`truncate ${shared.place.table('queue')}`)
  class Traced extends pg.Pool {
    override connect(): Promise<pg.PoolClient>
    override connect(callback: Parameters<pg.Pool['connect']>[0]): void
    override connect(callback?: Parameters<pg.Pool['connect']>[0]) {
      if (callback !== undefined) return super.connect(callback)
      return new Promise<pg.PoolClient>((resolve, reject) => {
        super.connect((error, client) => (client === undefined ? reject(error) : resolve(client)))
      })
    }
  }
  const pool = new Traced({ connectionString: shared.place.url, max: SIZE })
  await using channel = await EventChannel.open(postgres({ pool: pool as unknown as pg.Pool }), {
    backend: 'queue',
    logger: silent,
    ...shared.place.options,
  })
  await assertStores(channel, shared.place)
  await channel.close()
  await pool.end()
})

test.run()
