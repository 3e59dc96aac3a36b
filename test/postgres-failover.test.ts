import { randomBytes } from 'node:crypto'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { translate } from '../src/engines/sql/databases/postgres/errors.js'
import { ConnectionError, EventChannel, type RowcastError } from '../src/index.js'
import { database } from './support/databases.js'
import { rejects } from './support/errors.js'
import { silent } from './support/logger.js'
import { bareRole } from './support/postgres.js'
import { accountOf, findProgram, makeFolder, runCommand, startServer } from './support/servers/own-server.js'
import { FOLDERS, probePostgres, startPostgres } from './support/servers/postgres.js'
import { suite } from './support/suite.js'
import { eventually, within } from './support/wait.js'
import { SOON_MS } from './support/world.js'

const test = suite('a Postgres that does not serve for a while, or not any more')
const PATIENCE_MS = 90_000

test('each code by which a server is starting, stopping, full, read-only or another one leads to another connection', () => {
  const codes = [
    '08000',
    '08001',
    '08003',
    '08004',
    '08006',
    '08P01',
    '25006',
    '25P03',
    '25P04',
    '53300',
    '53400',
    '55000',
  ]
  codes.push('57P01', '57P02', '57P03', '57P04', '57P05', '58000', '58030', '58P01')
  for (const code of codes) {
    const error = translate(Object.assign(new Error('refused'), { code }))
    assert.instance(error, ConnectionError, code)
  }
  // Poolers end a session with codes of their own.
  assert.instance(
    translate(Object.assign(new Error('max clients'), { code: 'XX000', severity: 'FATAL' })),
    ConnectionError,
  )
  for (const [code, kind] of Object.entries({
    '40001': 'CONTENTION',
    '40P01': 'CONTENTION',
    '55P03': 'CONTENTION',
    '53100': 'DATABASE',
  })) {
    const error = translate(Object.assign(new Error('refused'), { code, severity: 'ERROR' }))
    assert.is((error as RowcastError).code, kind)
  }
})

/** A database of the test's own, and a way to end every session in it. */
async function ownDatabase() {
  const place = await database('postgres').place()
  const name = `rowcast_serve_${randomBytes(6).toString('hex')}`
  await place.sql(`create database ${name}`)
  const url = new URL(place.url)
  url.pathname = `/${name}`
  return {
    name,
    url: url.href,
    sql: (text: string) => place.sql(text),
    end: () => place.sql(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`),
    async [Symbol.asyncDispose]() {
      await place.sql(`drop database ${name} with (force)`)
      await place[Symbol.asyncDispose]()
    },
  }
}

const REFUSALS = {
  'takes no connections': ['allow_connections false', 'allow_connections true'],
  'takes no writes': ['set default_transaction_read_only = on', 'reset default_transaction_read_only'],
} as const

for (const [what, [bad, good]] of Object.entries(REFUSALS)) {
  test(`a database that ${what} for a while: consumers wait, publishes say so, and both go on`, async () => {
    await using own = await ownDatabase()
    await using channel = await EventChannel.open(own.url, { backend: 'queue', logger: silent })
    const seen: unknown[] = []
    const listener = channel.listen('orders', ({ payload }) => void seen.push(payload), { pollIntervalMs: 100 })
    await channel.publish('orders', 'before')
    await eventually(SOON_MS, () => seen.length === 1)
    await own.sql(`alter database ${own.name} ${bad}`)
    await own.end()
    await rejects(
      within(SOON_MS * 2, channel.publish('orders', 'meanwhile')),
      'CONNECTION',
      /not currently accepting|default_transaction_read_only is off/,
    )
    await own.sql(`alter database ${own.name} ${good}`)
    await own.end()
    await channel.publish('orders', 'after')
    await eventually(SOON_MS * 2, () => seen.includes('after'))
    assert.equal(
      seen.filter((payload) => payload !== 'meanwhile'),
      ['before', 'after'],
    )
    await listener.stop()
  })
}

test('a login with all its connections taken is a connection that is waited for', async () => {
  await using place = await database('postgres').place()
  await using role = await bareRole(place)
  await using own = await ownDatabase()
  await own.sql(`alter database ${own.name} connection limit 2`)
  await own.sql(`grant create on database ${own.name} to ${new URL(role.url).username}`)
  const url = new URL(role.url)
  url.pathname = `/${own.name}`
  const taken = await Promise.all(
    [1, 2].map(async () => {
      const client = new pg.Client(url.href)
      await client.connect()
      return client
    }),
  )
  const opening = EventChannel.open(url, { backend: 'queue', logger: silent })
  await rejects(opening, 'CONNECTION', /too many connections.*check the server and its limits/)
  for (const client of taken) await client.end()
  await (await EventChannel.open(url, { backend: 'queue', logger: silent })).close()
})

test(
  'several hosts: the standby is passed by, and when it is promoted the channel goes on there',
  async () => {
    const program = (name: string) => findProgram(name, FOLDERS)
    const [backup, postgres] = [program('pg_basebackup'), program('postgres')]
    if (backup === undefined || postgres === undefined) return
    await using primary = await startPostgres(['wal_level=replica', 'max_wal_senders=4'])
    const account = accountOf('postgres')
    const folder = makeFolder('standby', account)
    runCommand(
      backup,
      ['-h', '127.0.0.1', '-p', String(primary.port), '-U', 'postgres', '-D', `${folder}/data`, '-R'],
      { cwd: folder, ...account },
    )
    const standby = await startServer(
      {
        account,
        immediate: 'SIGQUIT',
        url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
        probe: probePostgres,
        command: (port) => ({
          file: postgres,
          args: [
            '-D',
            `${folder}/data`,
            '-p',
            String(port),
            '-c',
            `unix_socket_directories=${folder}`,
            '-c',
            'listen_addresses=127.0.0.1',
          ],
        }),
      },
      folder,
    )
    try {
      const alone = EventChannel.open(standby.url, { backend: 'queue', logger: silent })
      await rejects(alone, 'CONNECTION', /takes no writes here/)
      const url = `postgres://postgres@127.0.0.1:${standby.port},127.0.0.1:${primary.port}/postgres?target_session_attrs=read-write`
      await using channel = await EventChannel.open(url, { backend: 'queue', logger: silent })
      const seen: unknown[] = []
      channel.listen('orders', ({ payload }) => void seen.push(payload))
      await channel.publish('orders', 'before')
      await eventually(SOON_MS, () => seen.includes('before'))
      await primary.stop('orderly')
      const admin = new pg.Client(standby.url)
      await admin.connect()
      await admin.query('select pg_promote()')
      await admin.end()
      await within(30_000, channel.publish('orders', 'after'))
      await eventually(30_000, () => seen.includes('after'))
    } finally {
      await standby[Symbol.asyncDispose]()
    }
  },
  PATIENCE_MS,
)

test.run()
