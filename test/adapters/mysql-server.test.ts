import { createConnection, createPool } from 'mysql2/promise'
import * as assert from 'uvu/assert'
import { mysql } from '../../src/engines/sql/mysql.js'
import { EventChannel } from '../../src/index.js'
import { MYSQL_FAMILY } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { assertLives } from '../support/life.js'
import { silent } from '../support/logger.js'
import { startMariadb } from '../support/servers/mariadb.js'
import { startMysql } from '../support/servers/mysql.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { SOON_MS } from '../support/world.js'

/* On servers of the test's own, whose settings are nobody else's. */

const START_MS = 60_000

/** What makes of each session something that our statements were not written for. */
const ODD = [
  '--autocommit=0',
  '--completion-type=CHAIN',
  '--character-set-server=latin1',
  '--transaction-read-only=1',
  '--transaction-isolation=SERIALIZABLE',
  '--default-storage-engine=MyISAM',
  '--max-join-size=1',
  '--innodb-rollback-on-timeout=1',
  '--init-connect=set autocommit = 0, sql_safe_updates = 1, sql_select_limit = 2, names latin1',
]
const ODDER = {
  mariadb: [
    '--sql-mode=EMPTY_STRING_IS_NULL,ANSI_QUOTES,NO_BACKSLASH_ESCAPES',
    '--skip-character-set-client-handshake',
    '--lower-case-table-names=1',
  ],
  mysql: ['--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES', '--sql-require-primary-key=1'],
}

async function administer(url: string, statements: readonly string[]): Promise<void> {
  const connection = await createConnection(url)
  for (const sql of ['set session transaction read write', ...statements]) await connection.query(sql)
  await connection.end()
}

for (const server of MYSQL_FAMILY) {
  const isMariadb = server.name === 'mariadb'
  const start = isMariadb ? startMariadb : startMysql
  const test = suite(`settings of a server on ${server.name}`)

  test(
    'by URL a queue and a log live whatever the server sets sessions to',
    async () => {
      await using own = await start([...ODD, ...(isMariadb ? ODDER.mariadb : ODDER.mysql)])
      // What an administrator connects with passes over init_connect.
      await administer(own.url, [
        'create database life',
        "create user app@'%' identified by 'app'",
        "grant all on life.* to app@'%'",
        'commit',
      ])
      await assertLives(() => own.url.replace('root@', 'app:app@').replace(/mysql$/, 'life'), {})
    },
    START_MS,
  )

  test(
    'no place for prepared statements: a queue and a log live without',
    async () => {
      await using own = await start(['--max-prepared-stmt-count=0'])
      await using place = await server.place(own.url)
      await assertLives(() => place.url, place.options)
      const channel = await EventChannel.open(place.url, { backend: 'queue', logger: silent, ...place.options })
      for (let i = 0; i < 20; i++) await channel.publish('orders', `${i} ?'\\`)
      assert.is((await channel.stats())[0]?.ready, 20)
      await channel.close()
    },
    START_MS,
  )

  test(
    'a process prepares what it asks for often, and no more',
    async () => {
      await using own = await start()
      await using place = await server.place(own.url)
      const prepared = async () => Number((await place.sql(`show global status like 'Prepared_stmt_count'`))[0]?.Value)
      const before = await prepared()
      await assertLives(() => place.url, place.options)
      const channel = await EventChannel.open(place.url, { backend: 'queue', logger: silent, ...place.options })
      const listener = channel.listen('orders', () => undefined, { concurrency: 10 })
      await Promise.all(Array.from({ length: 200 }, (_, i) => channel.publish('orders', i)))
      await eventually(SOON_MS, async () => (await channel.stats()).length === 0)
      const count = (await prepared()) - before
      assert.ok(count > 0 && count < 60, `${count} statements`)
      await listener.stop()
      await channel.close()
    },
    START_MS,
  )

  test(
    'binlog_format = STATEMENT is refused by name, by URL and on a pool',
    async () => {
      await using own = await start(['--log-bin=log', '--server-id=1', '--binlog-format=STATEMENT'])
      await using place = await server.place(own.url)
      const pool = createPool({ uri: place.url })
      for (const target of [place.url, mysql({ pool })]) {
        const opening = EventChannel.open(target, { logger: silent, ...place.options })
        await rejects(opening, 'CONFIGURATION', /binlog_format is STATEMENT .*READ COMMITTED.*set it to MIXED or ROW/)
      }
      await pool.end()
    },
    START_MS,
  )
  test.run()
}
