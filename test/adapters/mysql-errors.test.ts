import * as assert from 'uvu/assert'
import { type ErrorCode, RefusedError, RowcastError } from '../../src/common/errors.js'
import { translate } from '../../src/engines/sql/databases/mysql/errors.js'
import { suite } from '../support/suite.js'

const test = suite("the server's codes")

/** As the driver makes one of the server's answers. */
const answer = (errno: number) => Object.assign(new Error('what it says'), { errno, code: 'ER_X' })

const KINDS: readonly (readonly [ErrorCode, RegExp, readonly number[]])[] = [
  // Read-only: options, a transaction, the server, InnoDB, a table, a group that lost its majority.
  ['CONNECTION', /takes no writes here .*primary/, [1036, 1290, 1792, 1836, 1874, 3100]],
  // Stopping, killed, idle for too long, offline, too many, not ready.
  [
    'CONNECTION',
    /cannot be reached/,
    [1040, 1047, 1053, 1077, 1078, 1079, 1080, 1129, 1203, 1226, 1927, 3032, 3168, 3169, 4031],
  ],
  // What proxies say of a server that they lost, or do not reach.
  ['CONNECTION', /cannot be reached/, [2003, 2006, 2013, 9001]],
  ['CONTENTION', /gave way/, [1020, 1205, 1213, 1412, 1689, 3101, 3572]],
  // `KILL QUERY`, `max_statement_time`, `max_execution_time`.
  ['CONTENTION', /ended the statement .*max_statement_time/, [1317, 1969, 3024]],
  ['PAYLOAD', /max_allowed_packet/, [1153]],
  ['MIGRATION', /tables are not there/, [1054, 1146]],
  ['CONFIGURATION', /denied the right/, [1142, 1143, 1227, 1370]],
]

for (const [code, message, errnos] of KINDS) {
  test(`${errnos.join(', ')}: ${code}`, () => {
    for (const errno of errnos) {
      const error = translate(answer(errno))
      assert.instance(error, RowcastError)
      assert.is((error as RowcastError).code, code, `${errno}`)
      assert.match((error as RowcastError).message, message)
    }
  })
}

test('a login that is refused says what about it', () => {
  const told: readonly (readonly [number, RegExp])[] = [
    [1045, /check the user and the password/],
    [1049, /check the name of the database/],
    [3118, /locked/],
    [3159, /ssl-mode=REQUIRED/],
    [1820, /password has to be changed/],
  ]
  for (const [errno, message] of told) {
    const error = translate(answer(errno))
    assert.instance(error, RefusedError)
    assert.match((error as RefusedError).message, message)
  }
})

test('what the driver says of its own has its remedy', () => {
  const told: readonly (readonly [Error, RegExp])[] = [
    [new Error('No connections available.'), /raise connectionLimit/],
    [new Error('Queue limit reached.'), /queueLimit/],
    [new Error('Pool is closed.'), /the pool was ended/],
    [Object.assign(new Error('x'), { code: 'HANDSHAKE_NO_SSL_SUPPORT' }), /TLS off/],
    [Object.assign(new Error('certificate has expired'), { code: 'HANDSHAKE_SSL_ERROR' }), /expired: renew/],
    [Object.assign(new Error('x'), { code: 'PROTOCOL_CONNECTION_LOST' }), /hung up/],
  ]
  for (const [cause, message] of told) {
    const error = translate(cause)
    assert.is((error as RowcastError).code, 'CONNECTION')
    assert.match((error as RowcastError).message, message)
  }
})

test.run()
