import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { Run } from '../support/actors/run.js'
import { Behind } from '../support/behind.js'
import { cutAgainAndAgain, cutterOf } from '../support/cutter.js'
import { ON_SERVERS } from '../support/databases.js'
import { openRunDatabase } from '../support/servers/find.js'
import { suite } from '../support/suite.js'
import { tally } from '../support/tally.js'
import { eventually, onThisMachine, within } from '../support/wait.js'

/** How long a whole run may take on a busy machine, in milliseconds. */
const RUN_MS = 60_000
const PATIENCE_MS = 15_000

for (const db of ON_SERVERS) {
  const test = suite(`connections cut on ${db.name}`)

  test(
    'every connection ended again and again, while processes publish and handle, loses nothing and shows nobody an error',
    async () => {
      await using own = await openRunDatabase(db.name)
      await using cutter = cutterOf(own.url)
      await using run = await Run.open(db, { leaseMs: 2_000 }, await db.place(own.url))
      const load = { callers: 2, pauseMs: 20, delayed: 0.1, delayMs: 1_000 }
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
      assert.ok(judgement.longestStallS < onThisMachine(6), `stalled for ${judgement.longestStallS} s`)
    },
    RUN_MS,
  )

  test(
    'a subscription made while connections are cut becomes live, and so does one made while the database is away',
    async () => {
      await using behind = await Behind.open(db)
      const seen: unknown[] = []
      behind.proxy.refuse(true)
      behind.proxy.cut()
      const listener = behind.channel.listen('orders', ({ payload }) => void seen.push(payload))
      const failures: unknown[] = []
      listener.failed.catch((error: unknown) => failures.push(error))
      const beforehand = behind.world.channel.publish('orders', 1)
      await sleep(500)
      behind.proxy.refuse(false)
      await Promise.all([beforehand, within(PATIENCE_MS, listener.ready)])
      await eventually(PATIENCE_MS, () => seen.length === 1)
      assert.equal(failures, [])
    },
    RUN_MS,
  )

  test.run()
}
