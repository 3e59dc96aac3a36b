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
/** What the events after the first fifth may leave on the heap, in bytes: 50 an event. */
const GROWTH_BYTES = 50 * EVENTS * 0.8

for (const [db, backend] of [
  ...DATABASES.map((db) => [db, 'queue'] as const),
  [database('postgres'), 'notify'] as const,
]) {
  test(
    `${db.name} ${backend}: ${EVENTS} events through one process leave nothing on the heap`,
    async () => {
      await using world = await World.open(db, { backend, retentionMs: 1_000 })
      const [, warm, ...later] = await flow(world.channel, EVENTS, EVENTS / 5)
      const last = later.at(-1)
      assert.ok(warm && last)
      const grown = last.heapBytes - warm.heapBytes
      assert.ok(grown < GROWTH_BYTES, `${Math.round(grown / EVENTS)} bytes an event`)
    },
    PATIENCE_MS,
  )
}

test.run()
