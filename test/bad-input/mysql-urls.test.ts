import { connect } from 'node:net'
import * as assert from 'uvu/assert'
import { readMysqlUrl } from '../../src/engines/sql/databases/mysql/url.js'
import { EventChannel } from '../../src/index.js'
import { MYSQL_FAMILY } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { silent } from '../support/logger.js'
import { oddPasswords, rejectsInSecret } from '../support/secrets.js'
import { suite } from '../support/suite.js'
import { Taker } from '../support/world.js'

const test = suite('MySQL URLs')
const open = (url: string | URL, options = {}) =>
  EventChannel.open(url, { backend: 'queue', logger: silent, ...options })

for (const database of MYSQL_FAMILY) {
  test(`${database.name}: as a URL object, by a socket, with parameters of the pool`, async () => {
    await using place = await database.place()
    const assertCarries = async (url: string | URL) => {
      const channel = await open(url, place.options)
      await channel.publish('orders', 1)
      const event = await new Taker(channel, 'orders').take()
      assert.is(await event.ack(), true)
      await channel.close({ drainMs: 0 })
    }
    const url = new URL(place.url)
    await assertCarries(url)
    url.searchParams.set('pool_size', '2')
    url.searchParams.set('connect_timeout', '4')
    await assertCarries(url)
    url.searchParams.set('pool_size', '1')
    await rejects(open(url, place.options), 'CONFIGURATION', /the pool has 1 connection/)
    url.search = ''
    const [row] = await place.sql('select @@socket as path')
    const path = String(row?.path)
    if (!(await answers(path))) return
    await assertCarries(`mysql://root@${encodeURIComponent(path)}${url.pathname}`)
    await assertCarries(`mysql://root@localhost${url.pathname}?socket=${path}`)
  })
}

test('parameters that are unknown, or have no such value, are refused by name', async () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['ssl=true', /unknown parameter ssl: TLS is ssl-mode=REQUIRED/],
    ['sslmode=require', /unknown parameter sslmode: TLS is ssl-mode=REQUIRED/],
    ['useSSL=true', /unknown parameter useSSL: TLS is/],
    ['ssl-mode=on', /ssl-mode must be one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY/],
    ['ssl-mode=REQUIRED&ssl-mode=DISABLED', /the parameter ssl-mode twice/],
    ['ssl-ca=/nowhere/ca.pem', /ssl-ca cannot be read \(.*ENOENT.*\): check the path/],
    ['ssl-mode=REQUIRED&ssl-cert=/nowhere/a.pem', /ssl-cert and ssl-key go together/],
    ['connectionLimit=5', /unknown parameter connectionLimit: the size of the pool is pool_size/],
    ['pool_size=0', /pool_size must be a whole number from 1 to 10000/],
    ['pool_size=10001', /pool_size must be/],
    ['pool_size=1.5', /pool_size must be/],
    ['connect_timeout=0', /connect_timeout must be a whole number from 1/],
    ['charset=latin1', /unknown parameter charset: leave it out/],
    ['timezone=Z', /unknown parameter timezone: leave it out/],
    ['socket=/tmp/mysql.sock', /socket and a host before the path are both there/],
    ['multipleStatements=true', /unknown parameter multipleStatements: known are .*ssl-mode/],
  ]
  for (const [query, message] of refused) {
    await rejects(open(`mysql://app@db.example/shop?${query}`), 'CONFIGURATION', message)
  }
  await rejects(open('mysql://app@one,two/shop'), 'CONFIGURATION', /several hosts/)
  await rejects(open('mysql://app@db.example'), 'CONFIGURATION', /names no database/)
  await rejects(open('mysql://app@[::1/shop'), 'CONFIGURATION', /cannot be read/)
})

test('what a URL means reaches the driver', () => {
  const { config, ways } = readMysqlUrl('mysql://a%40b:c%23d@[::1]:3307/my%20shop?pool_size=10000&connect_timeout=7')
  assert.equal(config, {
    ...{ user: 'a@b', password: 'c#d', host: '::1', port: 3307, database: 'my shop' },
    ...{ connectionLimit: 10_000, connectTimeout: 7_000 },
  })
  assert.equal(ways, [undefined])
  const way = (parameters: string) => readMysqlUrl(`mysql://db.example/shop?${parameters}`).ways
  assert.equal(way('ssl-mode=required'), [{ rejectUnauthorized: false, verifyIdentity: false }])
  assert.equal(way('ssl-mode=VERIFY_CA'), [{ rejectUnauthorized: true, verifyIdentity: false }])
  assert.equal(way('ssl-mode=VERIFY_IDENTITY'), [{ rejectUnauthorized: true, verifyIdentity: true }])
  assert.equal(way('ssl-mode=PREFERRED'), [{ rejectUnauthorized: false, verifyIdentity: false }, undefined])
})

test('no piece of a password is shown, whatever is raw in it', async () => {
  for (const password of oddPasswords()) {
    const url = `mysql://app:${password}@127.0.0.1:1/app?connect_timeout=1`
    await rejectsInSecret(open(url), url)
  }
})

test.run()

/** Whether the server's socket is of this machine. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
