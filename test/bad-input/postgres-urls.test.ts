import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { readPostgresUrl } from '../../src/engines/sql/databases/postgres/url.js'
import { postgres } from '../../src/engines/sql/postgres.js'
import { type ChannelOptions, EventChannel } from '../../src/index.js'
import { Certificates } from '../support/certificates.js'
import { database, type Place } from '../support/databases.js'
import { rejects, throws } from '../support/errors.js'
import { silent } from '../support/logger.js'
import { uniqueService } from '../support/postgres.js'
import { oddPasswords, rejectsInSecret } from '../support/secrets.js'
import { suite } from '../support/suite.js'
import { Taker } from '../support/world.js'

const test = suite('URLs of Postgres')
const db = database('postgres')

type Target = Parameters<typeof EventChannel.open>[0]

/** Asserts that a channel opens on it, in both ways that need connections, and carries an event. */
async function assertCarries(place: Place, target: Target, options: ChannelOptions = {}): Promise<void> {
  for (const backend of ['queue', 'notify'] as const) {
    const channel = await EventChannel.open(target, { backend, logger: silent, ...place.options, ...options })
    const taker = new Taker(channel, `by-url-${backend}`)
    await taker.subscription.ready
    assert.is(channel.backend, backend)
    await channel.publish(`by-url-${backend}`, 'arrived')
    assert.is((await taker.take()).payload, 'arrived')
    await channel.close({ drainMs: 0 })
  }
}

function partsOf(place: Place) {
  const url = new URL(place.url)
  return { url, user: url.username || 'postgres', host: url.hostname, port: url.port || '5432', base: url.pathname }
}

test('a URL object, white space around the text, IPv4 and IPv6, all parts as parameters', async () => {
  await using place = await db.place()
  const { url, user, port, base } = partsOf(place)
  await assertCarries(place, url)
  await assertCarries(place, ` ${place.url}\n`)
  await assertCarries(place, `postgres://?host=${url.hostname}&port=${port}&user=${user}&dbname=${base.slice(1)}`)
  const read = (text: string) => readPostgresUrl('the URL', text).addresses
  assert.equal(read('postgres://app@[::1]:5433/app'), [{ host: '::1', port: 5433, ssl: false }])
  assert.equal(read('postgres://app@[fe80::1%25eth0]/app')[0]?.host, 'fe80::1%eth0')
})

test('a Unix socket, as parameter and as encoded host', async () => {
  await using place = await db.place()
  const { user, port, base } = partsOf(place)
  const [row] = await place.sql(`select split_part(current_setting('unix_socket_directories'), ',', 1) as folder`)
  const folder = String(row?.folder).trim()
  await assertCarries(place, `postgres://${user}@${base}?host=${folder}&port=${port}`)
  await assertCarries(place, `postgres://${user}@${encodeURIComponent(folder)}:${port}${base}?sslmode=require`)
  const missing = EventChannel.open(`postgres://${user}@${base}?host=${dirname(folder)}/none`, { logger: silent })
  await rejects(missing, 'CONNECTION', /there is no such socket: check the folder and the port/)
})

test('PG* variables and .pgpass stand in for what the URL leaves out', async () => {
  await using place = await db.place()
  const { url, user, host, port, base } = partsOf(place)
  const variables = { PGHOST: host, PGPORT: port, PGUSER: user, PGDATABASE: base.slice(1), PGPASSWORD: url.password }
  const before = { ...process.env }
  Object.assign(process.env, variables)
  try {
    await assertCarries(place, 'postgres://')
    await assertCarries(place, `postgres://${host}/`)
  } finally {
    process.env = before
  }
})

test('PGSSL* variables stand in for what the URL leaves out, and a mode that is none is refused', () => {
  using certificates = new Certificates()
  const [authority, { cert, key }] = [certificates.authority('authority'), certificates.authority('client')]
  const text = (file: string) => readFileSync(file, 'utf8')
  const read = (parameters: string, variables: NodeJS.ProcessEnv) =>
    readPostgresUrl('the URL', `postgres://app@db.example/app?${parameters}`, variables).addresses.map(({ ssl }) => ssl)
  assert.equal(read('', { PGSSLMODE: '' }), [false])
  assert.equal(read('', { PGSSLMODE: 'require' }), [{ rejectUnauthorized: false }])
  assert.equal(read('sslmode=disable', { PGSSLMODE: 'require' }), [false])
  assert.equal(read('ssl=no-verify', { PGSSLMODE: 'disable' }), [{ rejectUnauthorized: false }])
  assert.equal(read('', { PGSSLROOTCERT: authority.cert }), [{ ca: text(authority.cert) }])
  const client = { ca: text(authority.cert), cert: text(cert), key: text(key) }
  assert.equal(read('', { PGSSLROOTCERT: authority.cert, PGSSLCERT: cert, PGSSLKEY: key }), [client])
  for (const PGSSLMODE of ['required', 'Require', 'yes']) {
    throws(
      () => read('', { PGSSLMODE }),
      'CONFIGURATION',
      /the variable PGSSLMODE must be one of disable, .*verify-full/,
    )
    assert.equal(read('sslmode=disable', { PGSSLMODE }), [false])
  }
})

test('parameters reach the server and the pool', async () => {
  await using place = await db.place()
  const service = uniqueService()
  const url = new URL(place.url)
  url.searchParams.set('application_name', service)
  url.searchParams.set('options', '-c statement_timeout=7000 -c geqo=off')
  url.searchParams.set('pool_size', '3')
  url.searchParams.set('connect_timeout', '4')
  url.searchParams.set('keepalives_idle', '30')
  url.searchParams.set('target_session_attrs', 'read-write')
  await using channel = await EventChannel.open(url, { backend: 'queue', logger: silent, ...place.options })
  // One of the three is for heartbeats, whatever is published.
  await Promise.all(Array.from({ length: 30 }, (_, i) => channel.publish('a', i, { key: `k${i}` })))
  const named = `from pg_stat_activity where application_name = '${service}'`
  const [row] = await place.sql(`select count(*) as count ${named}`)
  assert.ok(Number(row?.count) >= 2 && Number(row?.count) <= 3, `${row?.count} connections`)
  const { config } = readPostgresUrl('the URL', url.href)
  assert.is(config.options, '-c statement_timeout=7000 -c geqo=off')
  assert.is(config.connectionTimeoutMillis, 4_000)
  assert.is(config.keepAliveInitialDelayMillis, 30_000)
  url.searchParams.set('pool_size', '1')
  const tooSmall = EventChannel.open(url, { backend: 'queue', logger: silent, ...place.options })
  await rejects(tooSmall, 'CONFIGURATION', /the pool has 1 connection/)
})

test('several hosts: the first that is a primary and answers', async () => {
  await using place = await db.place()
  const { user, host, port, base } = partsOf(place)
  await assertCarries(place, `postgres://${user}@127.0.0.1:1,${host}:${port}${base}?target_session_attrs=read-write`)
  await assertCarries(place, `postgres://${user}@${base}?host=127.0.0.1,${host}&port=1,${port}`)
  const none = EventChannel.open(`postgres://${user}@127.0.0.1:1,127.0.0.1:2${base}`, { logger: silent })
  await rejects(none, 'CONNECTION', /none of the hosts .*127\.0\.0\.1:1: .*ECONNREFUSED.*127\.0\.0\.1:2: /)
})

test('parameters that are unknown, or have no such value, are refused by name', async () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['schema=public', /unknown parameter schema: pass the option schema/],
    ['connection_limit=5', /unknown parameter connection_limit: the size of the pool is pool_size/],
    ['pgbouncer=true', /unknown parameter pgbouncer: .*poolers are recognised/],
    ['ssl-mode=REQUIRED', /unknown parameter ssl-mode: known are .*sslmode/],
    ['sslMode=require', /unknown parameter sslMode/],
    ['sslmode=required', /sslmode must be one of disable, allow, prefer, require, no-verify, verify-ca, verify-full/],
    ['sslmode=require&ssl=true', /ssl and sslmode say the same/],
    ['sslmode=require&sslmode=disable', /the parameter sslmode twice/],
    ['sslmode=verify-ca', /verify-ca needs sslrootcert/],
    ['sslrootcert=system&sslmode=require', /system needs sslmode=verify-full/],
    ['sslrootcert=/nowhere/ca.pem', /sslrootcert cannot be read \(.*ENOENT.*\): check the path/],
    ['sslmode=require&sslcert=/nowhere/a.pem', /sslcert and sslkey go together/],
    ['pool_size=0', /pool_size must be a whole number from 1 to 10000/],
    ['pool_size=10001', /pool_size must be/],
    ['connect_timeout=soon', /connect_timeout must be a whole number/],
    ['target_session_attrs=standby', /target_session_attrs must be one of any, read-write, primary/],
    ['client_encoding=latin1', /client_encoding must be one of utf8/],
    ['service=mine', /service files are not read/],
    ['port=5432,5433', /port must be one for all hosts/],
    ['host=other', /host and the host before the path are both there/],
  ]
  const pool = new pg.Pool()
  for (const [query, message] of refused) {
    const opening = EventChannel.open(`postgres://app@host/app?${query}`, { logger: silent })
    await rejects(opening, 'CONFIGURATION', message)
    const listenUrl = `postgres://app@host/app?${query}`
    await rejects(EventChannel.open(postgres({ pool }), { listenUrl, logger: silent }), 'CONFIGURATION', message)
  }
  for (const good of [
    'pool_size=1',
    'pool_size=10000',
    'connect_timeout=1',
    'gssencmode=disable',
    'uselibpqcompat=true',
  ]) {
    readPostgresUrl('the URL', `postgres://app@host/app?${good}`)
  }
})

test('no piece of a password is shown, whatever is raw in it', async () => {
  for (const password of oddPasswords()) {
    for (const url of [
      `postgres://app:${password}@127.0.0.1:1/app`,
      `postgres://app:${password}@127.0.0.1:1,127.0.0.1:2/app?application_name=x`,
      `postgres://127.0.0.1:1/app?user=app&password=${password}`,
    ]) {
      await rejectsInSecret(EventChannel.open(url, { logger: silent }), url)
    }
  }
})

test('what is percent-encoded is decoded, in user, password and database', () => {
  const odd = 'p@ss#w/o?r%d:&ü 日'
  const text = encodeURIComponent(odd)
  const { config } = readPostgresUrl('the URL', `postgres://${text}:${text}@host/${text}?application_name=${text}`)
  assert.equal([config.user, config.password, config.database, config.application_name], [odd, odd, odd, odd])
  // As URL objects and forms write a space.
  assert.is(readPostgresUrl('the URL', 'postgres://h/d?options=-c+a%3Db').config.options, '-c a=b')
  assert.is(readPostgresUrl('the URL', 'postgres://app:p@ss@h/d').config.password, 'p@ss')
})

test('listenUrl leaves nothing open', async () => {
  const pool = new pg.Pool()
  for (const listenUrl of [
    'postgres://a@h1,h2/d',
    'postgres://a@h/d?sslmode=prefer',
    'postgres://a@h/d?sslmode=allow',
  ]) {
    const opening = EventChannel.open(postgres({ pool }), { listenUrl, logger: silent })
    await rejects(opening, 'CONFIGURATION', /listenUrl leaves open where to connect, or how/)
  }
})

test.run()
