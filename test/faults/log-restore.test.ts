import * as assert from 'uvu/assert'
import { EventChannel } from '../../src/index.js'
import { database } from '../support/databases.js'
import { copyPostgres } from '../support/dump.js'
import { silent } from '../support/logger.js'
import { startPostgres } from '../support/servers/postgres.js'
import { suite } from '../support/suite.js'
import { Taker } from '../support/world.js'

const test = suite('a log that is restored into another cluster')
const RUN_MS = 120_000

test(
  'positions and groups go on where they were',
  async () => {
    await using place = await database('postgres').place()
    const options = { backend: 'log', logger: silent, ...place.options } as const
    const numbered = (first: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ channel: 'orders', payload: first + i }))
    const before = await EventChannel.open(place.url, options)
    const positions: number[] = []
    {
      // Transactions of another kind have moved the old cluster's counters on, which the new one knows nothing of.
      for (let i = 0; i < 20; i++) await place.sql('select pg_current_xact_id()')
      await before.publishMany(numbered(0, 10))
      const events = await new Taker(before, 'orders', { group: 'g', from: 'earliest' }).takeMany(10)
      for (const event of events.slice(0, 6)) await event.ack()
      positions.push(...events.map(({ position }) => Number(position)))
    }
    await before.close({ drainMs: 0 })
    // Committed, and without a position when the dump is made.
    const late = await EventChannel.open(place.url, options)
    await late.publishMany(numbered(10, 2))
    await late.close()

    await using server = await startPostgres()
    await copyPostgres(place.url, String(place.options.schema), server.url)
    await using after = await EventChannel.open(server.url, options)
    const alone = new Taker(after, 'orders', { from: positions[5] ?? 0 })
    const group = new Taker(after, 'orders', { group: 'g', from: 'earliest' })
    await after.publishMany(numbered(12, 3))
    for (const taker of [alone, group]) {
      const events = await taker.takeMany(9)
      assert.equal(
        events.map(({ payload }) => payload),
        [6, 7, 8, 9, 10, 11, 12, 13, 14],
      )
      const found = events.map(({ position }) => Number(position))
      assert.equal(found.slice(0, 4), positions.slice(6))
      assert.equal(
        found,
        found.toSorted((a, b) => a - b),
      )
    }
  },
  RUN_MS,
)

test.run()
