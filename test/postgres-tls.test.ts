import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { ConnectionError, type ErrorCode, EventChannel } from '../src/index.js'
import { Certificates } from './support/certificates.js'
import { rejects } from './support/errors.js'
import { silent } from './support/logger.js'
import { accountOf } from './support/servers/own-server.js'
import { startPostgres } from './support/servers/postgres.js'
import { suite } from './support/suite.js'
import { Taker } from './support/world.js'

const test = suite('TLS to Postgres')
const PATIENCE_MS = 60_000
/** Who gets in, and how. */
const RULES = `
hostssl all certified all cert
hostssl all encrypted all trust
hostnossl all plain all trust
host all guarded all scram-sha-256
host all postgres all trust
`

/** A server with TLS on, its certificate for localhost alone, signed by an authority of the test's. */
async function startSecure({ days = 2 } = {}) {
  const certificates = new Certificates()
  const authority = certificates.authority('authority')
  const stranger = certificates.authority('stranger')
  const server = certificates.signed(authority, 'server', { days })
  const client = certificates.signed(authority, 'certified', { passphrase: 'opens' })
  certificates.giveTo(accountOf('postgres'), server)
  const rules = join(certificates.folder, 'pg_hba.conf')
  writeFileSync(rules, RULES)
  const running = await startPostgres([
    'ssl=on',
    `ssl_cert_file=${server.cert}`,
    `ssl_key_file=${server.key}`,
    `ssl_ca_file=${authority.cert}`,
    `hba_file=${rules}`,
  ])
  const admin = new pg.Client(running.url)
  await admin.connect()
  await admin.query(`create role certified login; create role encrypted login; create role plain login`)
  await admin.query(`create role guarded login password 'correct'`)
  return {
    authority,
    stranger,
    client,
    folder: certificates.folder,
    url: (user: string, parameters: string, host = 'localhost') =>
      `postgres://${user}@${host}:${running.port}/postgres?${parameters}`,
    /** Which of the connections that this login has are encrypted, as the server sees it. */
    async encrypted(user: string): Promise<boolean[]> {
      const { rows } = await admin.query<{ ssl: boolean }>(
        `select ssl from pg_stat_ssl join pg_stat_activity using (pid) where usename = '${user}'`,
      )
      return rows.map(({ ssl }) => ssl)
    },
    async [Symbol.asyncDispose]() {
      await admin.end()
      await running[Symbol.asyncDispose]()
      certificates[Symbol.dispose]()
    },
  }
}

type Secure = Awaited<ReturnType<typeof startSecure>>

/** Opens, carries an event, and asserts that all connections, that of LISTEN too, are encrypted or none. */
async function assertConnects(server: Secure, login: string, parameters: string, encrypted: boolean): Promise<void> {
  const [user = ''] = login.split(':')
  const channel = await EventChannel.open(server.url(login, parameters), { backend: 'notify', logger: silent })
  const taker = new Taker(channel, 'secured')
  await taker.subscription.ready
  await channel.publish('secured', 1)
  assert.is((await taker.take()).payload, 1, parameters)
  const seen = await server.encrypted(user)
  assert.ok(seen.length >= 2, `${seen.length} connections`)
  assert.equal([...new Set(seen)], [encrypted], `${user} ${parameters}`)
  await channel.close({ drainMs: 0 })
}

const refused = (url: string, message: RegExp, code: ErrorCode = 'CONNECTION') =>
  rejects(EventChannel.open(url, { backend: 'notify', logger: silent }), code, message)

test(
  'each sslmode does what it says',
  async () => {
    await using server = await startSecure()
    const ca = `sslrootcert=${server.authority.cert}`
    await assertConnects(server, 'plain', '', false)
    await assertConnects(server, 'plain', 'sslmode=disable', false)
    await assertConnects(server, 'plain', 'sslmode=allow', false)
    await assertConnects(server, 'plain', 'sslmode=prefer', false)
    await assertConnects(server, 'encrypted', 'sslmode=allow', true)
    await assertConnects(server, 'encrypted', 'sslmode=prefer', true)
    await assertConnects(server, 'encrypted', 'sslmode=require', true)
    await assertConnects(server, 'encrypted', 'sslmode=no-verify', true)
    await assertConnects(server, 'encrypted', `sslmode=require&${ca}`, true)
    await assertConnects(server, 'encrypted', `sslmode=verify-ca&${ca}`, true)
    await assertConnects(server, 'encrypted', `sslmode=verify-full&${ca}`, true)
    await assertConnects(server, 'encrypted', ca, true)
  },
  PATIENCE_MS,
)

test(
  'a certificate that does not fit is refused, each with its reason',
  async () => {
    await using server = await startSecure()
    const known = `sslrootcert=${server.authority.cert}`
    const unknown = `sslrootcert=${server.stranger.cert}`
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      await refused(
        server.url('encrypted', `sslmode=${mode}&${unknown}`),
        /comes from a CA that is not known here|signed by/,
      )
    }
    await refused(server.url('encrypted', 'sslmode=verify-full'), /comes from a CA that is not known here/)
    await refused(server.url('encrypted', 'ssl=true'), /comes from a CA that is not known here/)
    const other = (mode: string) => server.url('encrypted', `sslmode=${mode}&${known}`, '127.0.0.1')
    await refused(other('verify-full'), /is for another host name: connect by a name that is in it/)
    const channel = await EventChannel.open(other('verify-ca'), { backend: 'notify', logger: silent })
    await channel.close()
  },
  PATIENCE_MS,
)

test(
  'a certificate that has expired is refused',
  async () => {
    await using server = await startSecure({ days: 0 })
    await delay(1_000)
    const url = server.url('encrypted', `sslmode=verify-full&sslrootcert=${server.authority.cert}`)
    await refused(url, /certificate has expired: renew it/)
  },
  PATIENCE_MS,
)

test(
  'a certificate of the client, its key under a passphrase',
  async () => {
    await using server = await startSecure()
    const { cert, key } = server.client
    const files = `sslmode=require&sslcert=${cert}&sslkey=${key}`
    await assertConnects(server, 'certified', `${files}&sslpassword=opens`, true)
    await refused(
      server.url('certified', `${files}&sslpassword=wrong`),
      /sslkey, with sslcert and sslpassword, cannot be used/,
      'CONFIGURATION',
    )
    await refused(server.url('certified', files), /sslkey, .*cannot be used/, 'CONFIGURATION')
    await refused(
      server.url('certified', 'sslmode=require'),
      /check the user, its certificate where one is wanted/,
      'CONFIGURATION',
    )
    const garbage = join(server.folder, 'garbage.pem')
    writeFileSync(garbage, 'no certificate')
    for (const parameter of ['sslrootcert', `sslkey=${key}&sslcert`]) {
      await refused(
        server.url('certified', `sslmode=require&${parameter}=${garbage}`),
        /cannot be used .*check that it is PEM/,
        'CONFIGURATION',
      )
    }
  },
  PATIENCE_MS,
)

test(
  'the server wants TLS, or refuses it, or wants a password',
  async () => {
    await using server = await startSecure()
    await refused(server.url('encrypted', 'sslmode=disable'), /no encryption.*pg_hba\.conf/, 'CONFIGURATION')
    await refused(server.url('plain', 'sslmode=require'), /SSL encryption.*pg_hba\.conf/, 'CONFIGURATION')
    await refused(
      server.url('guarded', ''),
      /wants a password: put one into the URL, the pool, PGPASSWORD/,
      'CONFIGURATION',
    )
    await refused(
      server.url('guarded:wrong', ''),
      /password authentication failed.*check the user and the password/,
      'CONFIGURATION',
    )
    const passwords = join(server.folder, 'pgpass')
    writeFileSync(passwords, '*:*:*:guarded:correct\n', { mode: 0o600 })
    process.env.PGPASSFILE = passwords
    try {
      await assertConnects(server, 'guarded', 'sslmode=require', true)
    } finally {
      delete process.env.PGPASSFILE
    }
    await assertConnects(server, 'guarded:correct', 'sslmode=require&channel_binding=require', true)
    await using bare = await startPostgres()
    const error = await refused(`${bare.url}?sslmode=require`, /the server has TLS off: switch it on there/)
    assert.instance(error, ConnectionError)
  },
  PATIENCE_MS,
)

test.run()
