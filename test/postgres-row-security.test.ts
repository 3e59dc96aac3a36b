import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { type ChannelOptions, EventChannel } from '../src/index.js'
import { database } from './support/databases.js'
import { rejects } from './support/errors.js'
import { recorder } from './support/logger.js'
import { codeBlocks } from './support/markdown.js'
import { bareRole } from './support/postgres.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'
import { SOON_MS, World } from './support/world.js'

const test = suite('row level security on the tables of Postgres')
const TABLES = [
  'queue',
  'scheduled',
  'history',
  'dead_letter',
  'log_incoming',
  'log',
  'log_head',
  'checkpoint',
  'dedupe',
  'spill',
  'migrations',
]

/** Tables that another login made, and one that may read and write their rows as far as policies let it. */
async function guarded() {
  const world = await World.open(database('postgres'))
  const { place } = world
  const role = await bareRole(place)
  const name = new URL(role.url).username
  await role.grantRows()
  const logger = recorder()
  return {
    world,
    name,
    logger,
    each: async (sql: (table: string) => string, tables = TABLES) => {
      for (const table of tables) await place.sql(sql(place.table(table)))
    },
    open: (options: ChannelOptions = {}) =>
      EventChannel.open(role.url, { backend: 'queue', logger, autoMigrate: false, ...place.options, ...options }),
    async [Symbol.asyncDispose]() {
      await role[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    },
  }
}

const ENABLE = (table: string) => `alter table ${table} enable row level security`

test('tables without a policy for the login are refused at opening, by name; no right is asked for', async () => {
  await using place = await guarded()
  await place.each(ENABLE)
  for (const options of [{ backend: 'queue' }, { backend: 'log' }, { autoMigrate: true }] as const) {
    const error = await rejects(place.open(options), 'CONFIGURATION', /row level security hides every row/)
    assert.match(error.message, /queue \(delete, insert, select, update\)/)
    assert.not.match(error.message, /grant/)
  }
  await place.each((table) => `create policy reads on ${table} for select to ${place.name} using (true)`)
  await rejects(place.open(), 'CONFIGURATION', /queue \(delete, insert, update\)/)
})

test('the documented policy for all rows of each table is enough for everything, beside the rights on rows', async () => {
  await using place = await guarded()
  const page = readFileSync(new URL('../docs/adapters/postgres.md', import.meta.url), 'utf8')
  const documented = codeBlocks(page, 'sql').find((text) => text.includes('create policy')) ?? ''
  const { schema = '' } = place.world.place.options
  const sql = documented.replace(' to app ', ` to ${place.name} `).replace("= 'rowcast'", `= '${schema}'`)
  await place.world.place.sql(sql.replaceAll('rowcast.%I', `${schema}.%I`))
  const seen: unknown[] = []
  await using queue = await place.open()
  const listener = queue.listen(
    'orders',
    ({ payload, attempts }) => {
      if (payload === 'dies' || attempts === 1) throw new Error('again')
      seen.push(payload)
    },
    { backoff: () => 10, pollIntervalMs: 50, maxAttempts: 2 },
  )
  await queue.publishMany([
    { channel: 'orders', payload: 1, key: 'k' },
    { channel: 'orders', payload: 2, delayMs: 10 },
    { channel: 'orders', payload: 'dies' },
  ])
  await eventually(SOON_MS, async () => seen.length === 2 && (await queue.deadLetters.list()).length === 1)
  await listener.stop()
  await using log = await place.open({ backend: 'log' })
  const read: unknown[] = []
  log.listen('news', ({ payload }) => void read.push(payload), { group: 'readers', from: 'earliest' })
  await log.publish('news', 1)
  await eventually(SOON_MS, () => read.length === 1)
  const loud = place.logger.lines.filter(
    ({ level, message }) => level !== 'debug' && level !== 'info' && !/dead letter/.test(message),
  )
  assert.equal(loud, [])
})

test('a policy that tells rows apart is told at opening, and a row that it refuses is no missing right', async () => {
  await using place = await guarded()
  await place.each(ENABLE, ['queue'])
  await place.each((table) => `create policy own on ${table} to ${place.name} using (channel = 'own')`, ['queue'])
  await using channel = await place.open()
  assert.match(JSON.stringify(place.logger.lines), /row level security hides some rows.*queue/)
  await channel.publish('own', 1)
  const error = await rejects(channel.publish('other', 1), 'CONFIGURATION', /row level security is in the way/)
  assert.not.match(error.message, /denied the right|grant/)
})

test('row_security = off refuses instead of hiding: that is told, too', async () => {
  await using place = await guarded()
  await place.each(ENABLE, ['queue'])
  await place.each((table) => `create policy own on ${table} to ${place.name} using (true)`, ['queue'])
  await place.world.place.sql(`alter role ${place.name} set row_security = off`)
  await using channel = await place.open()
  await rejects(channel.publish('own', 1), 'CONFIGURATION', /row level security is in the way/)
})

test('the owner of the tables is not held by policies unless they are forced on it', async () => {
  await using place = await guarded()
  await place.each(ENABLE)
  await using owner = await place.world.another()
  await owner.publish('orders', 1)
})

test.run()
