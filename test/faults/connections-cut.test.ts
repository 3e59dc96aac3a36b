import * as assert from 'uvu/assert'
import { Run } from '../support/actors/run.js'
import { cutAgainAndAgain, cutterOf } from '../support/cutter.js'
import { database } from '../support/databases.js'
import { MYSQL, openRunDatabase, POSTGRES } from '../support/servers/find.js'
import { suite } from '../support/suite.js'
import { tally } from '../support/tally.js'

/** How long a whole run may take on a busy machine, in milliseconds. */
const RUN_MS = 60_000

for (const [db, kind] of [
  [database('postgres'), POSTGRES],
  [database('mysql'), MYSQL],
] as const) {
  const test = suite(`connections cut on ${db.name}`)

  test(
    'every connection ended again and again, while processes publish and handle, loses nothing and shows nobody an error',
    async () => {
      await using own = await openRunDatabase(kind)
      await using cutter = cutterOf(own.url)
      await using run = await Run.open(db, { leaseMs: 2_000 }, await db.place(own.url))
      const load = { callers: 4, pauseMs: 20, delayed: 0.1, delayMs: 1_000 }
      const [p0, p1] = await Promise.all([
        run.publisher('p0', load),
        run.publisher('p1', load),
        run.worker('w0', { workMs: 20, nacks: 0.1, objects: 2 }),
        run.worker('w1', { workMs: 20, nacks: 0.1 }),
      ])
      const ended = await cutAgainAndAgain(cutter, run.recorder, 8, 600)
      await Promise.all([p0, p1].map((publisher) => publisher?.terminate()))
      await run.settled(RUN_MS)
      const judgement = await run.kept()
      tally('every connection cut', db.name, judgement)
      assert.ok(ended > 50, `only ${ended} connections were cut`)
      assert.ok(judgement.events > 200, `only ${judgement.events} events`)
      for (const fact of run.facts) {
        if (fact.type === 'rejected') assert.not(fact.definite, fact.error)
        if (fact.type === 'unsettled') assert.unreachable(fact.error)
      }
      assert.ok(judgement.longestStallS < 6, `stalled for ${judgement.longestStallS} s`)
    },
    RUN_MS,
  )

  test.run()
}
