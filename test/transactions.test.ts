import Database from 'better-sqlite3'
import { createPool as createCallbackPool } from 'mysql2'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { sqlite } from '../src/engines/sql/sqlite.js'
import { ConfigurationError, EventChannel, UnsupportedError } from '../src/index.js'
import { DATABASES, database, MYSQL_FAMILY, serverUrl } from './support/databases.js'
import { rejects, throws } from './support/errors.js'
import { silent } from './support/logger.js'
import { assertUnharmed, SETTINGS, stored } from './support/settings.js'
import { suite } from './support/suite.js'
import { eventually, onThisMachine } from './support/wait.js'
import { SOON_MS, Taker, World } from './support/world.js'

/** A subscriber that hears of a commit only by polling would take this long, in milliseconds. */
const SELDOM_MS = 60_000

for (const each of DATABASES) {
  const test = suite(`the caller's transaction, queue on ${each.name}`)
  const open = (options = {}) => World.open(each, options)

  test('a commit delivers, and wakes those who wait, here and elsewhere, long before the poll interval is over', async () => {
    await using world = await open({ pollIntervalMs: SELDOM_MS })
    const other = await world.another()
    const tx = await world.place.begin()
    const here = await world.channel.publish('here', 1, { tx: tx.handle })
    const [there] = await world.channel.publishMany([{ channel: 'there', payload: 2 }], { tx: tx.handle })
    const takers = [new Taker(world.channel, 'here'), new Taker(other, 'there')] as const
    const events = Promise.all(takers.map((taker) => taker.take(SOON_MS)))
    await Promise.all(takers.map(({ subscription }) => subscription.ready))
    assert.equal(await stored(world), {})
    const committedMs = performance.now()
    await tx.commit()
    assert.equal(
      (await events).map(({ id }) => id),
      [here, there],
    )
    assert.ok(performance.now() - committedMs < onThisMachine(3_000), `${performance.now() - committedMs} ms`)
    assert.is(world.channel.telemetry.snapshot()['events.publish'], 2)
  })

  test('a rollback leaves nothing: no event, no schedule, no key', async () => {
    await using world = await open()
    const tx = await world.place.begin()
    const dropped = await world.channel.publish('orders', 1, { tx: tx.handle, key: 'k' })
    await world.channel.publishMany(
      [
        { channel: 'orders', payload: 2, delayMs: 1 },
        { channel: 'orders', payload: 3, key: 'l' },
      ],
      { tx: tx.handle },
    )
    await tx.rollback()
    assert.equal(await stored(world), {})
    const kept = await world.channel.publish('orders', 4, { key: 'k' })
    assert.is.not(kept, dropped)
    const event = await new Taker(world.channel, 'orders').take()
    assert.equal([event.id, event.payload], [kept, 4])
  })

  test('many events travel in one transaction, beside what else is in it', async () => {
    await using world = await open({ retentionMs: 0 })
    const tx = await world.place.begin()
    const events = Array.from({ length: 2_500 }, (_, payload) => ({ channel: 'orders', payload }))
    const ids = await world.channel.publishMany(events, { tx: tx.handle })
    assert.is(new Set(ids).size, 2_500)
    // SQLite has one writer, and that is the caller.
    if (each.name !== 'sqlite') await world.channel.publish('elsewhere', 'not in it')
    await tx.commit()
    assert.is((await world.channel.stats('orders'))[0]?.ready, 2_500)
  })

  test('a bad event in it is refused before the transaction is touched', async () => {
    await using world = await open()
    const tx = await world.place.begin()
    await rejects(world.channel.publish('orders', undefined, { tx: tx.handle }), 'PAYLOAD', /undefined/)
    await rejects(world.channel.publish('orders', 1, { tx: tx.handle, priority: 0 }), 'CONFIGURATION', /priority/)
    await world.channel.publish('orders', 'good', { tx: tx.handle })
    await tx.commit()
    assert.is((await new Taker(world.channel, 'orders').take()).payload, 'good')
  })

  test.run()
}

for (const setting of SETTINGS) {
  const test = suite(`a tx that is none, ${setting.name}`)

  test('what is no handle of this driver is refused, and nothing is stored', async () => {
    await using world = await setting.open()
    const foreign = {
      postgres: new pg.Client(),
      mysql: createPool('mysql://nobody@127.0.0.1:1/none'),
      sqlite: new Database(':memory:'),
    }
    foreign.sqlite.exec('begin')
    const handles: unknown[] = [null, {}, 5, 'begin', true, [], () => 1, { query: 5 }]
    for (const [name, handle] of Object.entries(foreign)) if (name !== setting.database.family) handles.push(handle)
    for (const tx of handles) {
      const error = await rejects(
        world.channel.publish('orders', 1, { tx }),
        'CONFIGURATION',
        /^publish: tx is .*: pass the/,
      )
      assert.instance(error, ConfigurationError)
      const many = world.channel.publishMany([{ channel: 'orders', payload: 1 }], { tx })
      await rejects(many, 'CONFIGURATION', /tx is/)
    }
    await assertUnharmed(world)
    await foreign.mysql.end()
    foreign.sqlite.close()
  })

  test('a handle that is in no transaction, or in one no more, is refused, and nothing is stored', async () => {
    await using world = await setting.open()
    const tx = await world.place.begin()
    if (setting.database.name !== 'sqlite') {
      const { handle } = tx as { handle: { query(sql: string): Promise<unknown> } }
      await handle.query('commit')
      const refused = world.channel.publish('orders', 1, { tx: handle })
      await rejects(refused, 'CONFIGURATION', /tx names is in no transaction: .*first/)
      await handle.query('begin')
    }
    await tx.commit()
    const database = new Database(':memory:')
    if (setting.database.name === 'sqlite') {
      await rejects(world.channel.publish('orders', 1, { tx: database }), 'CONFIGURATION', /in no transaction/)
      throws(() => world.channel.publishSync('orders', 1, { tx: database }), 'CONFIGURATION', /in no transaction/)
    }
    database.close()
    await assertUnharmed(world)
  })

  test.run()
}

const handles = suite("handles of the caller's own drivers")

handles('a pool has no transaction: its statements go anywhere', async () => {
  const postgresPool = new pg.Pool({ connectionString: serverUrl('postgres') })
  await using onPostgres = await World.open(database('postgres'))
  await rejects(onPostgres.channel.publish('orders', 1, { tx: postgresPool }), 'CONFIGURATION', /tx is a pool/)
  await assertUnharmed(onPostgres)
  await postgresPool.end()

  for (const db of MYSQL_FAMILY) {
    await using onMysql = await World.open(db)
    const promises = createPool(onMysql.place.url)
    const callbacks = createCallbackPool(onMysql.place.url)
    for (const tx of [promises, callbacks]) {
      await rejects(onMysql.channel.publish('orders', 1, { tx }), 'CONFIGURATION', /tx is a pool/)
    }
    await assertUnharmed(onMysql)
    await promises.end()
    callbacks.end(() => undefined)
  }
})

for (const db of MYSQL_FAMILY)
  handles(
    `a mysql2 connection to ${db.name} with callbacks, and one with autocommit off, are transactions`,
    async () => {
      await using world = await World.open(db)
      const callbacks = createCallbackPool(world.place.url)
      const connection = await callbacks.promise().getConnection()
      await connection.beginTransaction()
      await world.channel.publish('orders', 'callbacks', { tx: connection.connection })
      await connection.commit()
      await connection.query('set autocommit = 0')
      await world.channel.publish('orders', 'autocommit off', { tx: connection })
      assert.equal(await stored(world), { queue: 1 })
      await connection.query('commit')
      assert.equal(await stored(world), { queue: 2 })
      connection.destroy()
      callbacks.end(() => undefined)
    },
  )

handles('a transaction that failed refuses more, and its error says so', async () => {
  await using world = await World.open(database('postgres'))
  const tx = await world.place.begin()
  const { handle } = tx as { handle: { query(sql: string): Promise<unknown> } }
  await handle.query('select 1 / 0').catch(() => undefined)
  await rejects(world.channel.publish('orders', 1, { tx: handle }), 'DATABASE', /current transaction is aborted/)
  await tx.rollback()
  await assertUnharmed(world)
})

handles.run()

const sync = suite('publishSync')

sync('inside database.transaction() it commits or rolls back with it, and wakes a subscriber promptly', async () => {
  await using place = await database('sqlite').place()
  const own = new Database(place.url.slice('sqlite:'.length))
  own.exec('create table orders (total integer)')
  const channel = await EventChannel.open(sqlite({ database: own }), { logger: silent, pollIntervalMs: SELDOM_MS })
  const taker = new Taker(channel, 'orders')
  const waiting = taker.take()
  await taker.subscription.ready
  const place1 = own.transaction((total: number, fails: boolean) => {
    own.prepare('insert into orders values (?)').run(total)
    const id = channel.publishSync('orders', { total }, { key: `order-${total}` })
    if (fails) throw new Error('no')
    return id
  })
  assert.throws(() => place1(1, true), /no/)
  const id = place1(2, false)
  const event = await waiting
  assert.equal([event.id, event.payload], [id, { total: 2 }])
  await event.ack()
  assert.equal(own.prepare('select total from orders').all(), [{ total: 2 }])
  // The key of what was rolled back is free.
  assert.is(channel.telemetry.snapshot()['events.dead'], 0)
  const again = place1(1, false)
  assert.is((await taker.take()).id, again)
  await channel.close({ drainMs: 0 })
  assert.ok(own.open)
  own.close()
})

sync('outside of a transaction it commits by itself', async () => {
  await using place = await database('sqlite').place()
  const own = new Database(place.url.slice('sqlite:'.length))
  const channel = await EventChannel.open(sqlite({ database: own }), { logger: silent })
  const id = channel.publishSync('orders', 1)
  assert.not(own.inTransaction)
  assert.is((await new Taker(channel, 'orders').take()).id, id)
  await channel.close({ drainMs: 0 })
  own.close()
})

sync('in memory, where there is only the one connection', async () => {
  const own = new Database(':memory:')
  const channel = await EventChannel.open(sqlite({ database: own }), { logger: silent })
  const taker = new Taker(channel, 'orders')
  const waiting = taker.take()
  await taker.subscription.ready
  assert.throws(() =>
    own.transaction(() => {
      channel.publishSync('orders', 'rolled back')
      throw new Error('no')
    })(),
  )
  own.transaction(() => channel.publishSync('orders', 'kept'))()
  const event = await waiting
  assert.is(event.payload, 'kept')
  await event.ack()
  await channel.close()
  own.close()
})

sync('on a channel opened by a URL, on a file and in memory, alone and with tx', async () => {
  await using place = await database('sqlite').place()
  for (const url of ['sqlite::memory:', place.url]) {
    await using channel = await EventChannel.open(url, { logger: silent })
    const id = channel.publishSync('orders', url, { delayMs: 1 })
    const event = await new Taker(channel, 'orders').take()
    assert.equal([event.id, event.payload], [id, url])
    await event.ack()
  }
  await using channel = await EventChannel.open(place.url, { logger: silent })
  const own = new Database(place.url.slice('sqlite:'.length))
  own.transaction(() => channel.publishSync('orders', 'with tx', { tx: own }))()
  const event = await new Taker(channel, 'orders').take()
  assert.is(event.payload, 'with tx')
  await event.ack()
  own.close()
})

sync('other databases and notify cannot, and say so', async () => {
  for (const setting of SETTINGS.filter(({ database: { name } }) => name !== 'sqlite')) {
    await using world = await setting.open()
    const error = throws(
      () => world.channel.publishSync('orders', 1),
      'UNSUPPORTED',
      /needs SQLite .*await publish instead/,
    )
    assert.instance(error, UnsupportedError)
    await assertUnharmed(world)
  }
})

sync('an event that waits for a lock of another process does so within a bound', async () => {
  await using place = await database('sqlite').place()
  await using channel = await EventChannel.open(place.url, { logger: silent })
  const tx = await place.begin()
  const { handle } = tx as { handle: Database.Database }
  handle.exec('create table blocker (a integer)')
  const startedMs = performance.now()
  throws(() => channel.publishSync('orders', 1), 'CONTENTION', /busy/)
  const elapsedMs = performance.now() - startedMs
  assert.ok(elapsedMs > 4_000 && elapsedMs < onThisMachine(10_000), `${elapsedMs} ms`)
  await tx.rollback()
  channel.publishSync('orders', 2)
  await eventually(SOON_MS, async () => (await channel.stats('orders'))[0]?.ready === 1)
})

sync.run()
