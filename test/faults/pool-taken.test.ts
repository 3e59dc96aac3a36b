import { createPool } from 'mysql2/promise'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { handled } from '../../src/common/wait.js'
import { mysql } from '../../src/engines/sql/mysql.js'
import { postgres } from '../../src/engines/sql/postgres.js'
import { EventChannel } from '../../src/index.js'
import { database, MYSQL_FAMILY, type Place } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { silent } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { onThisMachine, within } from '../support/wait.js'
import { SOON_MS } from '../support/world.js'

/*
 * Every connection of a user's pool is in a transaction that waits for a publish outside of it, which waits for a connection.
 */

const test = suite("every connection of a user's pool waits for a publish")
/** Longest that a call waits for a connection of a user's pool, in milliseconds, and some time on a busy machine. */
const TURN_MS = 30_000
const PATIENCE_MS = 15_000
const DEADLINE_MS = 90_000

/** @param hold begins transactions on every connection there is; ends them */
async function waitsInVain(channel: EventChannel, hold: () => Promise<() => Promise<void>>): Promise<void> {
  await channel.publish('orders', 'before')
  const letGo = await hold()
  const startedMs = performance.now()
  const calls = [1, 2, 3].map((payload) =>
    rejects(channel.publish('orders', payload), 'CONTENTION', /no connection of the pool was free .* pass it their tx/),
  )
  await Promise.all(calls)
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs < onThisMachine(TURN_MS + PATIENCE_MS), `${tookMs} ms`)
  await letGo()
  await within(SOON_MS, channel.publish('orders', 'after'))
  assert.is((await channel.stats('orders'))[0]?.ready, 2)
  await channel.close()
}

const optionsFor = (place: Place) => ({ backend: 'queue', logger: silent, ...place.options }) as const

async function onPostgres(): Promise<void> {
  await using place = await database('postgres').place()
  const pool = new pg.Pool({ connectionString: place.url, max: 2 })
  const channel = await EventChannel.open(postgres({ pool }), optionsFor(place))
  await waitsInVain(channel, async () => {
    const clients = await Promise.all([pool.connect(), pool.connect()])
    for (const client of clients) await client.query('begin')
    return async () => {
      for (const client of clients) {
        await client.query('rollback')
        client.release()
      }
    }
  })
  await within(SOON_MS, pool.end())
}

async function onMysql(name: (typeof MYSQL_FAMILY)[number]['name']): Promise<void> {
  await using place = await database(name).place()
  const pool = createPool({ uri: place.url, connectionLimit: 2 })
  const channel = await EventChannel.open(mysql({ pool }), optionsFor(place))
  await waitsInVain(channel, async () => {
    const connections = await Promise.all([pool.getConnection(), pool.getConnection()])
    for (const connection of connections) await connection.beginTransaction()
    return async () => {
      for (const connection of connections) {
        await connection.rollback()
        connection.release()
      }
    }
  })
  await within(SOON_MS, pool.end())
}

// All wait at the same time.
const waiting = [
  { name: 'postgres', outcome: handled(onPostgres()) },
  ...MYSQL_FAMILY.map(({ name }) => ({ name, outcome: handled(onMysql(name)) })),
]
for (const { name, outcome } of waiting) {
  test(`on ${name}, it rejects in time and says what to do`, () => outcome, DEADLINE_MS)
}

test.run()
