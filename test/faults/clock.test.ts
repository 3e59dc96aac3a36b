import * as assert from 'uvu/assert'
import { Run } from '../support/actors/run.js'
import { DATABASES } from '../support/databases.js'
import type { FactOf } from '../support/history/index.js'
import { suite } from '../support/suite.js'
import { onThisMachine } from '../support/wait.js'

/** How long a whole run may take on a busy machine, in milliseconds. */
const RUN_MS = 60_000
const HOURS_MS = 5 * 3_600_000
const LEASE_MS = 1_000
/** What publishers may be wrong by, in milliseconds: each goes by the time that the database last told it, and by how long the answer took. */
const APART_MS = 150

for (const database of DATABASES) {
  const test = suite(`wrong clocks on ${database.name}`)

  test(
    'of publishers move neither the order of events nor their schedule',
    async () => {
      await using run = await Run.open(database, { leaseMs: 30_000 })
      const load = { count: 30, pauseMs: 40, delayed: 0.2 }
      const publishers = await Promise.all([
        run.publisher('late', { ...load, clockShiftMs: -HOURS_MS }),
        run.publisher('early', { ...load, clockShiftMs: HOURS_MS }),
      ])
      await Promise.all(publishers.map((publisher) => publisher.ended()))
      await run.worker('w0', { concurrency: 1, prefetch: 100, workMs: 0 })
      await run.settled(RUN_MS)
      await run.kept()
      // Two events whose publishing did not overlap come in the order of time, whoever published them.
      const apartMs = onThisMachine(APART_MS)
      const at = new Map(run.facts.map((fact) => ['event' in fact ? `${fact.type} ${fact.event}` : '', fact.at]))
      const events = run.facts
        .filter((fact): fact is FactOf<'publishing'> => fact.type === 'publishing' && fact.notBefore === undefined)
        .map(({ event, at: publishing }) => ({ event, publishing }))
      const when = (type: string, event: string) => Number(at.get(`${type} ${event}`))
      for (const [index, { event: second, publishing }] of events.entries()) {
        for (const { event: first } of events.slice(0, index)) {
          if (when('published', first) + apartMs > publishing) continue
          assert.ok(when('delivered', first) <= when('delivered', second), `${second} came before ${first}`)
        }
      }
    },
    RUN_MS,
  )

  test(
    'of consumers neither shorten a lease nor make one last',
    async () => {
      await using run = await Run.open(database, { leaseMs: LEASE_MS })
      const long = await run.publish({ first: [{ do: 'wait', ms: 2.5 * LEASE_MS }] })
      const [early] = await Promise.all([
        run.worker('early', { clockShiftMs: HOURS_MS }),
        run.publisher('p', { count: 40, pauseMs: 40, delayed: 0.3 }),
      ])
      await run.fact(RUN_MS, 'delivered', ({ event }) => event === long)
      const late = await run.worker('late', { clockShiftMs: -HOURS_MS })
      await run.fact(RUN_MS, 'acked', ({ event, held, attempts }) => event === long && held && attempts === 1)
      for (const [holder, other] of [
        [early, late],
        [late, undefined],
      ] as const) {
        const held = await holdBy(run, holder.name)
        await holder.kill()
        const heir = other ?? (await run.worker('heir', { clockShiftMs: HOURS_MS }))
        await run.fact(5 * LEASE_MS, 'delivered', ({ event, actor }) => event === held && actor === `${heir.name}/0`)
      }
      await run.settled(RUN_MS)
      await run.kept()
    },
    RUN_MS,
  )

  test.run()
}

/** Publishes until the actor holds an event; returns that one. */
async function holdBy(run: Run, name: string): Promise<string> {
  for (;;) {
    const event = await run.publish({ first: [{ do: 'wait', ms: 300 }] })
    const { actor } = await run.fact(RUN_MS, 'delivered', (fact) => fact.event === event)
    if (actor === `${name}/0`) return event
  }
}
