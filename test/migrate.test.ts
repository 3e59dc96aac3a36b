import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { withoutComments } from '../sql/read-sources.js'
import { checksumOf } from '../src/engines/sql/migrations.js'
import { sources as mysqlSources } from '../src/engines/sql/sources/mysql.js'
import { sources as postgresSources } from '../src/engines/sql/sources/postgres.js'
import { sources as sqliteSources } from '../src/engines/sql/sources/sqlite.js'
import { migrationSql, sqlite } from '../src/engines/sql/sqlite.js'
import { type ChannelOptions, EventChannel, MigrationError } from '../src/index.js'
import { DATABASES, database, fresh, MYSQL_FAMILY, ON_SERVERS, type Place } from './support/databases.js'
import { rejects, throws } from './support/errors.js'
import { silent } from './support/logger.js'
import { printedFor, runScript, statementsOf } from './support/migration.js'
import { bareUser } from './support/mysql.js'
import { Openers } from './support/openers.js'
import { bareRole } from './support/postgres.js'
import { listMigrations } from './support/sql.js'
import { connectTo, databaseAt } from './support/sql-database.js'
import { suite } from './support/suite.js'
import { within } from './support/wait.js'
import { SOON_MS, Taker, World } from './support/world.js'

const QUEUE = { backend: 'queue', logger: silent } as const

function openIn(place: Place, options: ChannelOptions = {}): Promise<EventChannel> {
  return EventChannel.open(place.url, { ...QUEUE, ...place.options, ...options })
}

/** Publishes an event, takes it and acks it. */
async function deliverOne(channel: EventChannel): Promise<void> {
  const id = await channel.publish('orders', { total: 42 }, { key: 'k', metadata: { tenant: 'acme' } })
  const event = await new Taker(channel, 'orders').take()
  assert.equal([event.id, event.payload, event.metadata], [id, { total: 42 }, { tenant: 'acme' }])
  assert.is(await event.ack(), true)
}

async function recordedIn(place: Place): Promise<readonly Record<string, unknown>[]> {
  const rows = await place.sql(`select version, name, checksum from ${place.table('migrations')} order by version`)
  return rows.map(({ version, name, checksum }) => ({ version: Number(version), name, checksum }))
}

const SOURCES = { postgres: postgresSources, mysql: mysqlSources, sqlite: sqliteSources } as const

for (const database of DATABASES) {
  const test = suite(`migrations on ${database.name}`)
  const files = listMigrations(database.family)
  const expected = SOURCES[database.family].migrations.map(({ version, name, text }) => ({
    version,
    name,
    checksum: checksumOf(text),
  }))

  test('they are numbered in order, by the numbers of all databases', () => {
    const numbers = files.map(({ name }) => name.slice(0, 4))
    assert.equal(numbers, numbers.toSorted())
    const all = Object.values(SOURCES).flatMap(({ migrations }) => migrations)
    for (const { version, name } of expected) {
      const others = all.filter((migration) => migration.version === version)
      assert.ok(
        others.every((migration) => migration.name === name),
        `${version} is ${name}, and something else`,
      )
    }
  })

  test('opening applies each once and records it with its checksum and the time; the next has nothing to do', async () => {
    await using world = await World.open(fresh(database))
    assert.equal(await recordedIn(world.place), expected)
    const recent = `applied_at > ${database.ago(3_600)} and applied_at < ${database.ago(-60)}`
    const timed = await world.place.sql(`select version from ${world.place.table('migrations')} where ${recent}`)
    assert.is(timed.length, expected.length)
    assert.equal(await world.channel.migrate(), [])
    const other = await world.another()
    assert.equal(await other.migrate(), [])
    assert.equal(await recordedIn(world.place), expected)
  })

  test('without autoMigrate an empty database is refused, with what to do, and left empty', async () => {
    await using place = await database.place()
    const opening = openIn(place, { autoMigrate: false })
    const error = await rejects(opening, 'MIGRATION', /lacks migration 1 \(queue\): .*autoMigrate: true.*migrationSql/)
    assert.instance(error, MigrationError)
    await assertNoTables(place)
  })

  test('without autoMigrate a migrated database works', async () => {
    await using world = await World.open(fresh(database))
    await deliverOne(await world.another({ autoMigrate: false }))
  })

  test('what a person had printed and run is what autoMigrate would have made', async () => {
    await using place = await database.place()
    await runScript(database, place, printedFor(database, place))
    assert.equal(await recordedIn(place), expected)
    const careful = await openIn(place, { autoMigrate: false })
    await deliverOne(careful)
    await careful.close()
    const eager = await openIn(place)
    assert.equal(await eager.migrate(), [])
    await eager.close()
  })

  test('what was printed may be run again, and over a log that is in use', async () => {
    await using place = await database.place()
    const printed = printedFor(database, place)
    await runScript(database, place, printed)
    await using log = await openIn(place, { backend: 'log' })
    await log.publish('orders', 1)
    const before = await new Taker(log, 'orders', { from: 'earliest' }).take()
    await runScript(database, place, printed)
    assert.equal(await recordedIn(place), expected)
    await log.publish('orders', 2)
    const after = await new Taker(log, 'orders', { from: Number(before.position) }).take()
    assert.equal([after.payload, after.position], [2, Number(before.position) + 1])
  })

  test('from prints what upgrades tables of that version, and nothing once they are up to date', async () => {
    await using place = await database.place()
    const [first, ...later] = statementsOf(printedFor(database, place)).map((statement) => statement.trim())
    assert.ok(first !== undefined && later.length > 0)
    const recordOfFirst = later.findIndex((statement) => /^insert into \S+migrations/.test(statement))
    await runScript(database, place, [first, ...later.slice(0, recordOfFirst + 1)].join(';\n'))
    assert.equal(await recordedIn(place), expected.slice(0, 1))
    const upgrade = statementsOf(printedFor(database, place, 1)).map((statement) => statement.trim())
    assert.equal(
      upgrade.filter((statement) => !/^create schema/.test(statement)),
      later.slice(recordOfFirst + 1),
    )
    await runScript(database, place, upgrade.join(';\n'))
    assert.equal(await recordedIn(place), expected)
    const done = statementsOf(printedFor(database, place, expected.length))
    assert.equal(
      done.filter((statement) => !/^create schema/.test(statement)),
      [],
    )
  })

  test('a comment or a space in a migration that is worded anew is the same migration', () => {
    const sumOf = (source: string) => checksumOf(withoutComments(source))
    for (const { text } of files) assert.is(sumOf(`-- Anew\n${text.replaceAll('\n', '\n\n  ')}`), sumOf(text))
    assert.is.not(sumOf('create table a (b text);'), sumOf('create table a (c text);'))
  })

  test('a migration that was applied with other contents is refused, and nothing is touched', async () => {
    await using world = await World.open(fresh(database))
    const { place } = world
    await place.sql(`update ${place.table('migrations')} set checksum = 'abc' where version = 1`)
    for (const autoMigrate of [true, false]) {
      const error = await rejects(openIn(place, { autoMigrate }), 'MIGRATION', /migration 1 .*other contents.*abc.*use/)
      assert.instance(error, MigrationError)
    }
    await rejects(world.channel.migrate(), 'MIGRATION', /migration 1 /)
    assert.is((await recordedIn(place))[0]?.checksum, 'abc')
  })

  test('a newer schema that says it breaks this version is refused, with what to do; one that does not is worked on', async () => {
    await using world = await World.open(fresh(database))
    const { place } = world
    const table = place.table('migrations')
    const later = `insert into ${table} (version, name, checksum, compatible_from) values (99, 'later', 'abc'`
    await place.sql(`${later}, ${expected.length + 1})`)
    const message = new RegExp(
      `schema is at version 99, on which a rowcast that knows version ${expected.length + 1} works; this one knows up to ${expected.length}: upgrade`,
    )
    for (const autoMigrate of [true, false]) {
      assert.instance(await rejects(openIn(place, { autoMigrate }), 'MIGRATION', message), MigrationError)
    }
    // A process that is running already goes on.
    await deliverOne(world.channel)
    await place.sql(`update ${table} set compatible_from = ${expected.length} where version = 99`)
    for (const autoMigrate of [true, false]) {
      await using older = await openIn(place, { autoMigrate })
      assert.equal(await older.migrate(), [])
      await deliverOne(older)
    }
  })

  test('tables of an unreleased rowcast are refused in words that fit', async () => {
    await using world = await World.open(fresh(database))
    const { place } = world
    await place.sql(`alter table ${place.table('migrations')} drop column compatible_from`)
    await rejects(openIn(place), 'MIGRATION', /not one that a released rowcast made: drop its tables/)
  })

  test.run()
}

/** Not even the schema, where there is one. */
async function assertNoTables(place: Place): Promise<void> {
  for (const table of ['migrations', 'queue', 'history']) {
    const counting = place.sql(`select count(*) from ${place.table(table)}`)
    const outcome = await counting.then(
      () => 'is there',
      () => 'is not there',
    )
    assert.is(`${table} ${outcome}`, `${table} is not there`)
  }
}

for (const { name } of ON_SERVERS) {
  const test = suite(`who may migrate on ${name}`)
  const grantee = { postgres: bareRole, mariadb: bareUser, mysql: bareUser }[name]

  test('a login without the rights is told what to do, and nothing is made', async () => {
    await using place = await database(name).place()
    await using login = await grantee(place)
    const opening = EventChannel.open(login.url, { ...QUEUE, ...place.options })
    const remedy = /refused to make .*denied.*: grant .* migrationSql\(\) .* autoMigrate: false$/
    assert.instance(await rejects(opening, 'MIGRATION', remedy), MigrationError)
    await assertNoTables(place)
  })

  test('a login that may only read and write works on a schema that is there', async () => {
    await using world = await World.open(fresh(database(name)))
    await using login = await grantee(world.place)
    await login.grantRows()
    for (const autoMigrate of [true, false]) {
      const channel = await EventChannel.open(login.url, { ...QUEUE, ...world.place.options, autoMigrate })
      await deliverOne(channel)
      await channel.close()
    }
  })

  test('opening a schema that is there waits for nobody who migrates', async () => {
    await using world = await World.open(fresh(database(name)))
    const { place } = world
    await place.sql(`create table ${place.table('gate')} (id integer primary key)`)
    await place.sql(`insert into ${place.table('gate')} values (1)`)
    const user = await place.begin()
    const enter = `select id from ${place.table('gate')} for update`
    await (user.handle as { query(text: string): Promise<unknown> }).query(enter)

    await using other = await connectTo(databaseAt(place.url), place.options)
    let ended = false
    const migrating = other
      .exclusively(function* () {
        yield { sql: enter }
      })
      .then(() => {
        ended = true
      })
    try {
      await deliverOne(await within(SOON_MS, world.another()))
      assert.not(ended)
    } finally {
      await user.commit()
    }
    await within(SOON_MS, migrating)
  })

  test.run()
}

const test = suite('migrations')
const PROCESSES = 10

test('ten processes that open a fresh database at once all succeed, and each migration is applied once', async () => {
  await using openers = await Openers.start(PROCESSES)
  for (const database of DATABASES) {
    await using place = await database.place()
    assert.equal(await openers.open(place), Array(PROCESSES).fill('opened'), database.name)
    const versions = (await recordedIn(place)).map(({ version }) => version)
    assert.equal(
      versions,
      listMigrations(database.family).map((_, index) => index + 1),
    )
    const [stored] = await place.sql(`select count(*) as count from ${place.table('queue')}`)
    assert.is(Number(stored?.count), PROCESSES)
  }
}, 60_000)

for (const db of MYSQL_FAMILY)
  test(`on ${db.name}, where DDL obeys no transaction, a migration that died anywhere half-way runs again`, async () => {
    await using measure = await db.place()
    const steps = statementsOf(printedFor(db, measure)).length
    for (let done = 1; done < steps; done++) {
      await using place = await db.place()
      const printed = statementsOf(printedFor(db, place))
      await runScript(db, place, printed.slice(0, done).join(';\n'))
      const channel = await openIn(place)
      await deliverOne(channel)
      await channel.close()
      assert.is((await recordedIn(place)).length, listMigrations('mysql').length)
    }
  })

for (const name of ['postgres', 'sqlite'] as const) {
  test(`on ${name} a migration that fails half-way leaves nothing, and runs when the way is clear`, async () => {
    await using place = await database(name).place()
    if ('schema' in place.options) await place.sql(`create schema ${place.options.schema}`)
    await place.sql(`create table ${place.table('dedupe')} (mine integer)`)
    const error = await rejects(openIn(place), 'MIGRATION', /dedupe.* already exists/)
    assert.instance(error, MigrationError)
    await assertNoTables(place)
    await place.sql(`drop table ${place.table('dedupe')}`)
    const channel = await openIn(place)
    await deliverOne(channel)
    await channel.close()
  })
}

test('migrate says what it applied; on Postgres a notify channel opens without tables, and has the missing ones made', async () => {
  await using place = await database('postgres').place()
  const options = { ...place.options, logger: silent, backend: 'notify', autoMigrate: false } as const
  const channel = await EventChannel.open(place.url, options)
  await assertNoTables(place)
  assert.equal(
    await channel.migrate(),
    (await recordedIn(place)).map(({ version, name }) => ({ version, name })),
  )
  await place.sql(`drop table ${place.table('spill')}`)
  await place.sql(`delete from ${place.table('migrations')} where version = 3`)
  await rejects(openIn(place, { autoMigrate: false }), 'MIGRATION', /lacks migration 3 \(spill\)/)
  assert.equal(await channel.migrate(), [{ version: 3, name: 'spill' }])
  await channel.close()
})

test('a SQLite database that may not be written is refused with what to do', async () => {
  const memory = new Database(':memory:')
  memory.pragma('query_only = on')
  await rejects(
    EventChannel.open(sqlite({ database: memory }), QUEUE),
    'MIGRATION',
    /denied.*: see to what it says, or .*migrationSql/,
  )
  memory.pragma('query_only = off')
  memory.exec(migrationSql())
  const channel = await EventChannel.open(sqlite({ database: memory }), { ...QUEUE, autoMigrate: false })
  await deliverOne(channel)
  await channel.close()
  memory.close()
})

test('printed SQL is refused for a name that no channel could be opened with', () => {
  throws(() => migrationSql({ tablePrefix: 'a\0b' }), 'CONFIGURATION', /^migrationSql: tablePrefix must/)
  throws(() => migrationSql({ tabelPrefix: 'a' } as ChannelOptions), 'CONFIGURATION', /unknown option tabelPrefix/)
})

test.run()
