import { createPool, type PoolOptions } from 'mysql2/promise'
import { mysql } from '../../src/engines/sql/mysql.js'
import { EventChannel } from '../../src/index.js'
import { MYSQL_FAMILY } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { assertLives } from '../support/life.js'
import { silent } from '../support/logger.js'
import { suite } from '../support/suite.js'

type Field = { readonly type: string; string(): string | null }
type Next = () => unknown

/** Options of a pool that change what is sent or what comes back, and must not reach our rows. */
const HARMLESS: Readonly<Record<string, object>> = {
  'typeCast: false': { typeCast: false },
  'a typeCast that makes bigints': {
    typeCast: (field: Field, next: Next) => (field.type === 'LONGLONG' ? BigInt(field.string() ?? 0) : next()),
  },
  'a typeCast that reads JSON': {
    typeCast: (field: Field, next: Next) => (field.type === 'BLOB' ? JSON.parse(field.string() ?? 'null') : next()),
  },
  'a typeCast that answers nothing': { typeCast: () => undefined },
  'a typeCast without generated code': { typeCast: () => undefined, disableEval: true },
  'rows as arrays, numbers and dates as texts': {
    rowsAsArray: true,
    dateStrings: true,
    decimalNumbers: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    namedPlaceholders: true,
    jsonStrings: true,
    stringifyObjects: true,
    timezone: '-11:00',
  },
  'nestTables: true': { nestTables: true },
  "nestTables: '_'": { nestTables: '_' },
  'without FOUND_ROWS': { flags: ['-FOUND_ROWS'] },
  'without most of the flags': { flags: ['-CONNECT_ATTRS', '-MULTI_RESULTS', '-SESSION_TRACK'] },
  'disableEval: true': { disableEval: true },
  'maxPreparedStatements: 1': { maxPreparedStatements: 1 },
  'resetOnRelease: true': { resetOnRelease: true },
  'multipleStatements: true': { multipleStatements: true },
  'compress: true': { compress: true },
  'waitForConnections: false': { waitForConnections: false, connectionLimit: 3 },
  'queueLimit: 1': { queueLimit: 1, connectionLimit: 3 },
  'connections that are closed when idle': { enableKeepAlive: false, idleTimeout: 10, maxIdle: 1 },
  'a queryFormat that leaves statements without values alone': {
    queryFormat: (sql: string, values?: readonly unknown[]) => (values?.length ? sql.replaceAll(/:\w+/g, 'null') : sql),
  },
}

const REFUSED: readonly [string, object, RegExp][] = [
  ...['latin1', 'cp1251', 'gbk', 'sjis', 'utf8'].map((charset): [string, object, RegExp] => [
    charset,
    { charset },
    /does not carry every text .*charset: 'utf8mb4'/,
  ]),
  [
    'a queryFormat that changes what it is given',
    { queryFormat: (sql: string) => sql.replaceAll(/:\w+/g, 'null') },
    /queryFormat of this connection changes .*make a pool without queryFormat/,
  ],
]

for (const server of MYSQL_FAMILY) {
  const test = suite(`options of a pool of the user's on ${server.name}`)

  for (const [name, options] of Object.entries(HARMLESS)) {
    test(`${name}: a queue and a log live`, async () => {
      await using place = await server.place()
      const pool = createPool({ uri: place.url, connectionLimit: 6, ...options } as PoolOptions)
      await assertLives(() => mysql({ pool }), place.options)
      await pool.end()
    })
  }

  for (const [name, options, message] of REFUSED) {
    test(`${name}: opening is refused, and says what to change`, async () => {
      await using place = await server.place()
      const pool = createPool({ uri: place.url, ...options } as PoolOptions)
      const opening = EventChannel.open(mysql({ pool }), { backend: 'queue', logger: silent, ...place.options })
      await rejects(opening, 'CONFIGURATION', message)
      await pool.end()
    })
  }

  test.run()
}
