import pg from 'pg'
import * as assert from 'uvu/assert'
import { EventChannel } from '../src/index.js'
import { silent } from './support/logger.js'
import { startPostgres } from './support/servers/postgres.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'
import { SOON_MS } from './support/world.js'

const test = suite('two-phase commit on Postgres')

test('a publish notifies, which prepare transaction refuses; one that is delayed does not, and is found by the next look', async () => {
  await using server = await startPostgres(['max_prepared_transactions=5'])
  await using channel = await EventChannel.open(server.url, { backend: 'queue', logger: silent })
  const seen: unknown[] = []
  const listener = channel.listen('orders', ({ payload }) => void seen.push(payload))
  await listener.ready
  const client = new pg.Client(server.url)
  await client.connect()
  await client.query('begin')
  await channel.publish('orders', 'notified', { tx: client })
  const refused = await client.query(`prepare transaction 'one'`).catch((error: pg.DatabaseError) => error)
  assert.is((refused as pg.DatabaseError).code, '0A000')
  await client.query('begin')
  await channel.publish('orders', 'delayed', { tx: client, delayMs: 1 })
  await client.query(`prepare transaction 'two'`)
  await client.query(`commit prepared 'two'`)
  await eventually(SOON_MS, () => seen.length > 0)
  assert.equal(seen, ['delayed'])
  await client.end()
}, 60_000)

test.run()
