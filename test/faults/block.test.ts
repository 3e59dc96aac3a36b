import * as assert from 'uvu/assert'
import { Run } from '../support/actors/run.js'
import { DATABASES } from '../support/databases.js'
import { suite } from '../support/suite.js'

/** How long a whole run may take on a busy machine, in milliseconds. */
const RUN_MS = 60_000
const LEASE_MS = 1_500
/** Where nothing may be lost on a busy machine either. */
const LONG_LEASE_MS = 3_000

for (const database of DATABASES) {
  const test = suite(`a blocked event loop on ${database.name}`)

  test(
    'for longer than a lease: another has the event, the blocked holder is told and cannot ack',
    async () => {
      await using run = await Run.open(database, { leaseMs: LEASE_MS })
      await run.worker('w0', { concurrency: 1 })
      const steps = [
        { do: 'wait', ms: 500 },
        // Long enough for another process to start meanwhile, on a busy machine, too.
        { do: 'block', ms: 4 * LEASE_MS },
      ] as const
      const event = await run.publish({ first: steps })
      // Those wait for their turn: one is handed out already, the others are in the buffer.
      for (let i = 0; i < 3; i++) await run.publish({}, { priority: 9 })
      await run.fact(RUN_MS, 'delivered')
      await run.worker('w1')
      const late = await run.fact(RUN_MS, 'acked', (fact) => fact.actor === 'w0/0' && fact.event === event)
      const taken = await run.fact(RUN_MS, 'acked', (fact) => fact.actor === 'w1/0' && fact.event === event)
      assert.equal([late.event, late.held, taken.event, taken.held], [event, false, event, true])
      await run.fact(RUN_MS, 'lost', ({ actor }) => actor === 'w0/0')
      await run.settled(RUN_MS)
      await run.kept()
      assert.ok(run.counter('w0', 'events.lease.lost') >= 1)
    },
    RUN_MS,
  )

  test(
    'again and again, for less than half a lease: nothing in hand or in the buffer is lost',
    async () => {
      await using run = await Run.open(database, { leaseMs: LONG_LEASE_MS })
      for (let i = 0; i < 12; i++) await run.publish({ first: [{ do: 'block', ms: LONG_LEASE_MS * 0.3 }] })
      await Promise.all([
        run.worker('w0', { prefetch: 6, concurrency: 1 }),
        run.worker('w1', { prefetch: 6, concurrency: 1 }),
      ])
      await run.settled(RUN_MS)
      const { deliveries } = await run.kept()
      assert.is(deliveries, 12)
    },
    RUN_MS,
  )

  test.run()
}
