import { createPool } from 'mysql2/promise'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { mysql } from '../../src/engines/sql/mysql.js'
import { postgres } from '../../src/engines/sql/postgres.js'
import { type EngineSource, EventChannel } from '../../src/index.js'
import { database, MYSQL_FAMILY, type TestDatabase } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { silent } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'

const test = suite('small pools')
const PATIENCE_MS = 40_000
const PUBLISHERS = 256
const LISTENERS = 8
const EACH = 8

interface OwnPool extends AsyncDisposable {
  readonly source: EngineSource
}

const KINDS: readonly { db: TestDatabase; open: (url: string, max: number) => OwnPool }[] = [
  {
    db: database('postgres'),
    open(url, max) {
      const pool = new pg.Pool({ connectionString: url, max })
      return { source: postgres({ pool }), [Symbol.asyncDispose]: () => pool.end() }
    },
  },
  ...MYSQL_FAMILY.map((db) => ({
    db,
    open(url: string, connectionLimit: number) {
      const pool = createPool({ uri: url, connectionLimit })
      return { source: mysql({ pool }), [Symbol.asyncDispose]: () => pool.end() }
    },
  })),
]

for (const { db, open } of KINDS) {
  test(
    `${db.name}: ${PUBLISHERS} publishers and ${LISTENERS} listeners share two connections and none waits for ever`,
    async () => {
      await using place = await db.place()
      await using pool = open(place.url, 2)
      const options = { backend: 'queue', logger: silent, leaseMs: 2_000, ...place.options } as const
      await using channel = await EventChannel.open(pool.source, options)
      const handled = new Set<unknown>()
      for (let i = 0; i < LISTENERS; i++) {
        channel.listen(
          'orders',
          async ({ payload, attempts }) => {
            if (attempts === 1 && Number(payload) % 50 === 0) throw new Error('once more')
            // A handler that publishes, and waits for it.
            if (Number(payload) % 10 === 0) await channel.publish('invoices', payload)
            handled.add(payload)
          },
          { concurrency: 4, backoff: () => 10 },
        )
      }
      const publishers = Array.from({ length: PUBLISHERS }, async (_, p) => {
        for (let i = 0; i < EACH; i++) {
          const payload = p * EACH + i
          if (i === 3) await channel.publishMany([{ channel: 'orders', payload, key: `k${payload}` }])
          else await channel.publish('orders', payload)
        }
      })
      await within(PATIENCE_MS, Promise.all(publishers), 'publishing')
      await eventually(PATIENCE_MS, () => handled.size === PUBLISHERS * EACH)
      const stats = await channel.stats()
      assert.is(stats.find((stat) => stat.channel === 'invoices')?.ready, Math.ceil((PUBLISHERS * EACH) / 10))
    },
    PATIENCE_MS * 2,
  )

  test(
    `${db.name}: a log with ${PUBLISHERS} publishers, a group and plain subscribers gets by with two connections`,
    async () => {
      await using place = await db.place()
      await using pool = open(place.url, 2)
      const options = { backend: 'log', logger: silent, leaseMs: 2_000, ...place.options } as const
      await using channel = await EventChannel.open(pool.source, options)
      const total = PUBLISHERS * EACH
      const seen = Array.from({ length: LISTENERS }, () => new Set<unknown>())
      const listeners = seen.map((mine, i) =>
        channel.listen('orders', ({ payload }) => void mine.add(payload), {
          concurrency: 4,
          ...(i % 2 === 0 && { group: `g${i}` }),
        }),
      )
      await Promise.all(listeners.map(({ ready }) => ready))
      const publishers = Array.from({ length: PUBLISHERS }, async (_, p) => {
        for (let i = 0; i < EACH; i++) await channel.publish('orders', p * EACH + i)
      })
      await within(PATIENCE_MS, Promise.all(publishers), 'publishing')
      await eventually(PATIENCE_MS, () => seen.every(({ size }) => size === total))
    },
    PATIENCE_MS * 2,
  )

  test(`${db.name}: a pool of one connection is refused for a queue, with the numbers`, async () => {
    await using place = await db.place()
    await using pool = open(place.url, 1)
    const opening = EventChannel.open(pool.source, { backend: 'queue', logger: silent, ...place.options })
    await rejects(opening, 'CONFIGURATION', /pool has 1 connection, at least 2 are needed/)
  })
}

test('postgres: notify is content with a pool of one connection', async () => {
  await using place = await database('postgres').place()
  const pool = new pg.Pool({ connectionString: place.url, max: 1 })
  {
    await using channel = await EventChannel.open(postgres({ pool }), {
      backend: 'notify',
      logger: silent,
      ...place.options,
    })
    const seen: unknown[] = []
    const listener = channel.listen('news', ({ payload }) => void seen.push(payload))
    await listener.ready
    await within(PATIENCE_MS, Promise.all(Array.from({ length: 100 }, (_, i) => channel.publish('news', i))))
    await channel.publish('news', 'x'.repeat(20_000))
    await eventually(PATIENCE_MS, () => seen.length === 101)
  }
  await pool.end()
})

test.run()
