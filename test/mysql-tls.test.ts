import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type ErrorCode, EventChannel } from '../src/index.js'
import { Certificates } from './support/certificates.js'
import { MYSQL_FAMILY } from './support/databases.js'
import { rejects } from './support/errors.js'
import { silent } from './support/logger.js'
import { startMariadb } from './support/servers/mariadb.js'
import { askMysql, startMysql } from './support/servers/mysql.js'
import { accountOf } from './support/servers/own-server.js'
import { suite } from './support/suite.js'
import { Taker } from './support/world.js'

const PATIENCE_MS = 90_000

for (const { name } of MYSQL_FAMILY) {
  const test = suite(`TLS to ${name}`)
  const start = name === 'mysql' ? startMysql : startMariadb
  /** Without TLS, in the words of each. */
  const PLAIN = name === 'mysql' ? '--tls-version=' : '--skip-ssl'

  const refused = (url: string, message: RegExp, code: ErrorCode = 'CONNECTION') =>
    rejects(EventChannel.open(url, { backend: 'queue', logger: silent }), code, message)

  async function assertCarries(url: string): Promise<void> {
    const channel = await EventChannel.open(url, { backend: 'queue', logger: silent })
    await channel.publish('secured', 1)
    assert.is((await new Taker(channel, 'secured').take()).payload, 1)
    await channel.close({ drainMs: 0 })
  }

  test(
    'each ssl-mode does what it says',
    async () => {
      using certificates = new Certificates()
      const authority = certificates.authority('authority')
      const stranger = certificates.authority('stranger')
      const server = certificates.signed(authority, 'server', {})
      const client = certificates.signed(authority, 'certified', { passphrase: 'opens' })
      certificates.giveTo(accountOf('mysql'), server)
      const files = [`--ssl-ca=${authority.cert}`, `--ssl-cert=${server.cert}`, `--ssl-key=${server.key}`]
      await using running = await start(files)
      await askMysql(running.url, 'create database app')
      const logins = { plain: '', encrypted: 'require ssl', certified: 'require x509' }
      for (const [login, demand] of Object.entries(logins)) {
        await askMysql(running.url, `create user ${login}@'%' identified by 'secret' ${demand}`)
        await askMysql(running.url, `grant all on app.* to ${login}@'%'`)
      }
      const url = (login: string, parameters: string, host = 'localhost') =>
        `mysql://${login}:secret@${host}:${running.port}/app?${parameters}`
      const [known, unknown] = [`ssl-ca=${authority.cert}`, `ssl-ca=${stranger.cert}`]

      for (const parameters of ['', 'ssl-mode=DISABLED', 'ssl-mode=PREFERRED', 'ssl-mode=required']) {
        await assertCarries(url('plain', parameters))
      }
      // This login gets in by TLS alone.
      for (const parameters of [
        ...['ssl-mode=PREFERRED', 'ssl-mode=REQUIRED', known, `ssl-mode=REQUIRED&${known}`],
        ...[`ssl-mode=VERIFY_CA&${known}`, `ssl-mode=VERIFY_IDENTITY&${known}`],
      ]) {
        await assertCarries(url('encrypted', parameters))
      }
      for (const parameters of ['', 'ssl-mode=DISABLED']) {
        await refused(url('encrypted', parameters), /Access denied/, 'CONFIGURATION')
      }

      for (const parameters of [
        unknown,
        `ssl-mode=PREFERRED&${unknown}`,
        'ssl-mode=VERIFY_CA',
        'ssl-mode=VERIFY_IDENTITY',
      ]) {
        await refused(url('plain', parameters), /comes from a CA that is not known here|signed by/)
      }
      await assertCarries(url('plain', `ssl-mode=VERIFY_CA&${known}`, '127.0.0.1'))
      const byAddress = url('plain', `ssl-mode=VERIFY_IDENTITY&${known}`, '127.0.0.1')
      await refused(byAddress, /VERIFY_IDENTITY needs the name of a host/, 'CONFIGURATION')

      const pair = `ssl-mode=VERIFY_CA&${known}&ssl-cert=${client.cert}&ssl-key=${client.key}`
      await assertCarries(url('certified', `${pair}&ssl-passphrase=opens`))
      await refused(url('certified', `ssl-mode=REQUIRED`), /Access denied/, 'CONFIGURATION')
      await refused(url('certified', `${pair}&ssl-passphrase=wrong`), /ssl-key, .* cannot be used/, 'CONFIGURATION')
      await refused(url('certified', pair), /ssl-key, .* cannot be used/, 'CONFIGURATION')
      const garbage = join(certificates.folder, 'nowhere.pem')
      await refused(url('plain', `ssl-ca=${garbage}`), /ssl-ca cannot be read \(.*ENOENT/, 'CONFIGURATION')

      // A server that takes nothing but TLS: MariaDB says only that it denies access.
      await askMysql(running.url, 'set global require_secure_transport = on')
      const told = name === 'mysql' ? /write ssl-mode=REQUIRED, or VERIFY_CA, into the URL/ : /Access denied/
      await refused(url('plain', ''), told, 'CONFIGURATION')
      await assertCarries(url('plain', 'ssl-mode=REQUIRED'))
    },
    PATIENCE_MS,
  )

  test(
    'a server without TLS: PREFERRED is plain, the rest is refused',
    async () => {
      await using running = await start([PLAIN])
      await askMysql(running.url, 'create database app')
      const url = (mode: string) => `mysql://root@localhost:${running.port}/app?ssl-mode=${mode}`
      await assertCarries(url('PREFERRED'))
      for (const mode of ['REQUIRED', 'VERIFY_CA', 'VERIFY_IDENTITY']) {
        await refused(url(mode), /the server has TLS off: switch it on there, or write ssl-mode=DISABLED/)
      }
    },
    PATIENCE_MS,
  )

  test.run()
}
