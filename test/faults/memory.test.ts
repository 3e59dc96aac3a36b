import * as assert from 'uvu/assert'
import { DATABASES, database } from '../support/databases.js'
import { flow } from '../support/flow.js'
import { suite } from '../support/suite.js'
import { World } from '../support/world.js'

/*
 * The short form of test/soak/memory.ts.
 */

const test = suite('memory')
const PATIENCE_MS = 120_000
const EVENTS = 50_000
/** What an event may leave on the heap, in bytes, at the reading where that is least: a leak is at every one. */
const GROWTH_BYTES = 40

for (const [db, backend] of [
  ...DATABASES.map((db) => [db, 'queue'] as const),
  [database('postgres'), 'notify'] as const,
]) {
  test(
    `${db.name} ${backend}: ${EVENTS} events through one process leave nothing on the heap`,
    async () => {
      await using world = await World.open(db, { backend, retentionMs: 1_000 })
      const [, warm, ...later] = await flow(world.channel, EVENTS, EVENTS / 5)
      assert.ok(warm && later.length > 0)
      const growth = later.map(({ events, heapBytes }) => (heapBytes - warm.heapBytes) / (events - warm.events))
      assert.ok(Math.min(...growth) < GROWTH_BYTES, `${growth.map(Math.round).join(', ')} bytes an event`)
    },
    PATIENCE_MS,
  )
}

test.run()
