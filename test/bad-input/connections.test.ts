import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { createPool } from 'mysql2'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { mysql } from '../../src/engines/sql/mysql.js'
import { postgres } from '../../src/engines/sql/postgres.js'
import { sqlite } from '../../src/engines/sql/sqlite.js'
import { ConfigurationError, ConnectionError, EventChannel, type RowcastError } from '../../src/index.js'
import { database, MYSQL_FAMILY, serverUrl } from '../support/databases.js'
import { rejects, throws } from '../support/errors.js'
import { silent } from '../support/logger.js'
import { startPostgres } from '../support/servers/postgres.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS } from '../support/world.js'

const test = suite('a database that is not there')

const SECRET = 'hunter2'
/** Longest that `open` may take to find out, in milliseconds: a connection and a question on it time out after 5 s each. */
const BOUND_MS = 12_000

type Target = Parameters<typeof EventChannel.open>[0]

const open = (target: Target) => within(BOUND_MS, EventChannel.open(target, { logger: silent }))

/** Asserts that the password is nowhere to be seen: not in the message, the stack, a cause, or any hidden property. */
function assertSecretKept(error: RowcastError): void {
  assert.not.match(inspect(error, { depth: 20, showHidden: true }), new RegExp(SECRET))
  let cause: unknown = error
  while (cause instanceof Error) {
    assert.not.match(`${cause.message} ${cause.stack} ${JSON.stringify(cause)}`, new RegExp(SECRET))
    cause = cause.cause
  }
}

async function refused(target: Target, message: RegExp): Promise<void> {
  const error = await rejects(open(target), 'CONNECTION', message)
  assert.instance(error, ConnectionError)
  assert.ok(error.cause instanceof Error || /no connection within|no answer within 5000 ms/.test(error.message))
  assertSecretKept(error)
}

/** Asserts that the server was reached, and that the message says what it refused. */
async function mistaken(target: Target, message: RegExp): Promise<void> {
  const error = await rejects(open(target), 'CONFIGURATION', message)
  assert.instance(error, ConfigurationError)
  assert.instance(error.cause, Error)
  assert.match(error.message, /refused the connection \(.*\): check /)
  assertSecretKept(error)
}

/** A server that accepts, and perhaps says something, and then nothing. */
async function silentServer(greeting?: Buffer): Promise<{ readonly port: number } & AsyncDisposable> {
  const sockets: Socket[] = []
  const server: Server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    if (greeting !== undefined) socket.once('data', () => socket.write(greeting))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function withPath(url: string, change: (url: URL) => void): string {
  const changed = new URL(url)
  change(changed)
  return changed.href
}

test('a closed port', async () => {
  await refused(
    `postgres://app:${SECRET}@127.0.0.1:1/app`,
    /Postgres cannot be reached \(.*ECONNREFUSED 127\.0\.0\.1:1\)/,
  )
  await refused(`mysql://app:${SECRET}@127.0.0.1:1/app`, /MySQL cannot be reached \(.*ECONNREFUSED 127\.0\.0\.1:1\)/)
  await refused(`mariadb://app:${SECRET}@127.0.0.1:1/app`, /MySQL cannot be reached/)
})

test('a host that nobody knows', async () => {
  await refused(`postgres://app:${SECRET}@nowhere.invalid/app`, /nowhere\.invalid/)
  await refused(`mysql://app:${SECRET}@nowhere.invalid/app`, /nowhere\.invalid/)
})

test('a server that accepts and never answers, through a URL and through a pool without a timeout', async () => {
  await using server = await silentServer()
  // AuthenticationOk and ReadyForQuery, and then no answer to any query.
  await using mute = await silentServer(Buffer.from('520000000800000000' + '5a0000000549', 'hex'))
  const { port } = server
  const address = { host: '127.0.0.1', port, user: 'app', password: SECRET, database: 'app' }
  const postgresPool = new pg.Pool(address)
  const mysqlPool = createPool({ ...address, connectTimeout: 60_000 })
  await Promise.all([
    refused(`postgres://app:${SECRET}@127.0.0.1:${port}/app`, /Postgres cannot be reached \(.*timeout/),
    refused(`mysql://app:${SECRET}@127.0.0.1:${port}/app`, /MySQL cannot be reached \(.*ETIMEDOUT/),
    refused(`postgres://app:${SECRET}@127.0.0.1:${mute.port}/app`, /Postgres gave no answer within 5000 ms/),
    refused(postgres({ pool: postgresPool }), /no connection within 10000 ms/),
    refused(mysql({ pool: mysqlPool }), /no connection within 10000 ms/),
  ])
  mysqlPool.end(() => undefined)
})

test('a database that does not exist', async () => {
  const postgresUrl = withPath(serverUrl('postgres'), (url) => {
    url.pathname = '/rowcast_no_such_database'
  })
  await mistaken(postgresUrl, /^Postgres refused .*"rowcast_no_such_database" does not exist/)
  for (const { name } of MYSQL_FAMILY) {
    const mysqlUrl = withPath(serverUrl(name), (url) => {
      url.pathname = '/rowcast_no_such_database'
    })
    await mistaken(mysqlUrl, /^MySQL refused .*(Unknown database 'rowcast_no_such_database'|Access denied)/)
  }
})

test('a Postgres that is too old is refused by its version', async () => {
  await using place = await database('postgres').place()
  const schema = String(place.options.schema)
  await place.sql(`create schema ${schema}`)
  // As an older server answers: a function of the test's own comes before the server's.
  await place.sql(
    `create function ${schema}.current_setting(name text) returns text language sql as $$ select case when name = 'server_version_num' then '120022' else pg_catalog.current_setting(name) end $$`,
  )
  const pool = new pg.Pool({ connectionString: place.url, options: `-c search_path=${schema},pg_catalog` })
  await using _ended = { [Symbol.asyncDispose]: () => pool.end() }
  for (const backend of ['queue', 'notify', 'log'] as const) {
    const opening = EventChannel.open(postgres({ pool }), { backend, logger: silent, ...place.options })
    await rejects(opening, 'UNSUPPORTED', /^this server is PostgreSQL 12: use 13 or later$/)
  }
})

const LACKING = [
  ['json_table', /refuses json_table \(Error: .*\): use MySQL 8\.0\.4 or MariaDB 10\.6, or later/],
  ['skip locked', /refuses skip locked \(Error: .*syntax.*\): use/],
] as const

for (const [db, word, lacking] of MYSQL_FAMILY.flatMap((db) => LACKING.map((lack) => [db, ...lack] as const))) {
  test(`a ${db.name} that does not know ${word} is told by what it lacks, and in its own words`, async () => {
    await using place = await db.place()
    const pool = createPool({ uri: place.url, connectionLimit: 2 })
    await using _ended = { [Symbol.asyncDispose]: () => pool.promise().end() }
    // The server itself refuses, as an older one does, since it is asked for a word that it does not know.
    const older = {
      async getConnection() {
        const connection = await pool.promise().getConnection()
        return {
          query: ({ sql }: { sql: string }) => connection.query(sql.replace(word, word.slice(0, -1))),
          release: () => connection.release(),
        }
      },
    }
    await rejects(EventChannel.open(mysql({ pool: older }), { logger: silent }), 'UNSUPPORTED', lacking)
  })
}

for (const db of MYSQL_FAMILY) {
  test(`a database on ${db.name} that the login has no right to`, async () => {
    await using place = await db.place()
    const login = `rowcast_bare_${process.pid}`
    await place.sql(`create user ${login}@'%' identified by '${SECRET}'`)
    try {
      const url = withPath(place.url, (changed) => {
        changed.username = login
        changed.password = SECRET
      })
      await mistaken(url, /^MySQL refused .*Access denied for user 'rowcast_bare_\d+'@'%' to database/)
    } finally {
      await place.sql(`drop user ${login}@'%'`)
    }
  })
}

/** A server on which the role `app` needs a password. */
async function startGuarded(password: string) {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-hba-'))
  const rules = join(folder, 'pg_hba.conf')
  // The server runs as another account, which must get in.
  chmodSync(folder, 0o755)
  writeFileSync(rules, 'host all postgres all trust\nhost all all all scram-sha-256\n')
  const server = await startPostgres([`hba_file=${rules}`])
  const admin = new pg.Client(server.url)
  await admin.connect()
  await admin.query(`create role app login password '${password}'; grant create on database postgres to app`)
  const login = (username: string) =>
    withPath(server.url, (url) => {
      url.username = username
      url.password = SECRET
    })
  return {
    admin,
    login,
    async [Symbol.asyncDispose]() {
      await admin.end()
      await server[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

test('a wrong password, and a login that nobody has', async () => {
  await using server = await startGuarded('correct')
  await mistaken(server.login('app'), /^Postgres refused .*password authentication failed for user "app"/)
  await mistaken(server.login('nobody'), /^Postgres refused .*password authentication failed for user "nobody"/)
  for (const { name } of MYSQL_FAMILY) {
    const url = withPath(serverUrl(name), (changed) => {
      changed.username = 'rowcast_nobody'
      changed.password = SECRET
    })
    await mistaken(url, /^MySQL refused .*Access denied for user 'rowcast_nobody'/)
  }
}, 60_000)

test('a password that is changed while a channel is open is waited for', async () => {
  await using server = await startGuarded(SECRET)
  await using channel = await EventChannel.open(server.login('app'), { backend: 'queue', logger: silent })
  const seen: unknown[] = []
  const listener = channel.listen('orders', ({ payload }) => void seen.push(payload))
  await listener.ready
  await server.admin.query(`alter role app password 'another'`)
  // One that was logging in meanwhile is seen a little later.
  let looks = 0
  await eventually(SOON_MS, async () => {
    const terminate = `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'`
    looks = (await server.admin.query(terminate)).rowCount === 0 ? looks + 1 : 0
    return looks === 20
  })
  const error = await rejects(channel.publish('orders', 1), 'CONNECTION', /^Postgres refused .*"app"/)
  assert.instance(error, ConnectionError)
  assertSecretKept(error)
  await server.admin.query(`alter role app password '${SECRET}'`)
  await channel.publish('orders', 2)
  await eventually(SOON_MS, () => seen.length === 1)
  assert.equal(seen, [2])
}, 60_000)

test('a SQLite file that cannot be one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-none-'))
  const text = join(folder, 'notes.txt')
  writeFileSync(text, 'no database, but some text\n'.repeat(100))
  await refused(`sqlite:${folder}/missing/app.db`, /SQLite cannot open .*missing\/app\.db .*check its path/)
  await refused(`sqlite:${text}`, /SQLite cannot open .*notes\.txt \(.*not a database\)/)
  await refused(`sqlite:${folder}`, /SQLite cannot open .*unable to open database file/)
  rmSync(folder, { recursive: true, force: true })
})

test('a SQLite driver whose native part cannot be loaded', async () => {
  class Unbuilt {
    readonly name = 'app.db'
    readonly memory = false
    readonly open = true
    readonly inTransaction = false
    readonly readonly = false
    pragma(source: string) {
      return source === 'database_list' ? [{ name: 'main', file: '/nowhere/app.db' }] : []
    }
    prepare(): never {
      throw new Error('not reached')
    }
    exec() {}
    close() {}
  }
  const database = new Unbuilt()
  Object.defineProperty(database, 'constructor', {
    value: class {
      constructor() {
        throw Object.assign(new Error('compiled against another Node.js'), { code: 'ERR_DLOPEN_FAILED' })
      }
    },
  })
  const error = await rejects(
    open(sqlite({ database })),
    'CONFIGURATION',
    /another Node\.js\): npm rebuild better-sqlite3/,
  )
  assert.instance(error, ConfigurationError)
})

test('a URL that cannot be read is not repeated', async () => {
  for (const url of [
    `postgres://app:${SECRET}@host:port/app`,
    `mysql://app:${SECRET}@host:port/app`,
    `mysql://app:${SECRET}%zz@host/app`,
    `postgres://app:${SECRET}/#@host/app`,
  ]) {
    const error = await rejects(open(url), 'CONFIGURATION', /the URL cannot be read \(.*percent-encode/)
    assert.instance(error, ConfigurationError)
    assertSecretKept(error)
  }
  const listenUrl = `postgres://app:${SECRET}@host:port/app`
  const url = serverUrl('postgres')
  const pool = new pg.Pool({ connectionString: url })
  for (const target of [url, postgres({ pool })]) {
    const opening = EventChannel.open(target, { listenUrl, logger: silent })
    assertSecretKept(await rejects(opening, 'CONFIGURATION', /listenUrl cannot be read/))
  }
  await pool.end()
})

test('a target that names no database that rowcast knows', async () => {
  const unknown: [unknown, RegExp][] = [
    [`kafka://app:${SECRET}@host`, /the scheme kafka: is unknown: use one of postgres, .*sqlite/],
    [`app:${SECRET}@host`, /the scheme app: is unknown/],
    [`//app:${SECRET}@host`, /the target is no URL: use one of/],
    ['', /the target is no URL/],
    ['./app.db', /the target is no URL/],
    [`mysql://app:${SECRET}@host`, /the URL names no database: write mysql:\/\/…\/name/],
    [`mariadb://app:${SECRET}@host:3306/`, /the URL names no database/],
    ['sqlite:', /sqlite: names no file: write sqlite:\.\/app\.db/],
    [undefined, /neither a URL nor an engine: pass a URL, postgres\(\{ pool \}\)/],
    [null, /neither a URL nor an engine/],
    [5, /neither a URL nor an engine/],
    [{ host: 'localhost', password: SECRET }, /neither a URL nor an engine/],
    [new pg.Pool(), /neither a URL nor an engine/],
  ]
  for (const [target, message] of unknown) {
    const error = await rejects(open(target as never), 'CONFIGURATION', message)
    assert.instance(error, ConfigurationError)
    assertSecretKept(error)
  }
})

test('a channel that is made instead of opened', () => {
  const Made = EventChannel as unknown as new (target?: unknown) => EventChannel
  for (const target of [`postgres://app:${SECRET}@host/app`, undefined, null, {}]) {
    assertSecretKept(throws(() => new Made(target), 'CONFIGURATION', /await EventChannel\.open\(url\)/))
  }
})

test.run()
