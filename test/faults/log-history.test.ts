import * as assert from 'uvu/assert'
import { Run } from '../support/actors/run.js'
import { DATABASES } from '../support/databases.js'
import { nowMs } from '../support/history/index.js'
import { suite } from '../support/suite.js'
import { tally } from '../support/tally.js'

/*
 * A group of a log is held to the promises of a queue: the same judge reads its history. Its members take one event at a
 * time, so that every ack moves the checkpoint.
 */

/** How long a whole run may take on a busy machine, in milliseconds. */
const RUN_MS = 90_000
const LEASE_MS = 1_000

for (const database of DATABASES) {
  const test = suite(`the history of a group on ${database.name}`)

  test(
    'members killed, stopped past their lease and asked to end, in turn: every promise is kept',
    async () => {
      await using run = await Run.open(database, { backend: 'log', leaseMs: LEASE_MS, pollIntervalMs: 100 })
      const member = (name: string) => run.worker(name, { group: 'g', concurrency: 1, prefetch: 1, workMs: 10 })
      const load = { callers: 3, pauseMs: 40, oversized: 0.02 }
      const settling = (name: string, since = nowMs()) =>
        run.fact(RUN_MS, 'acked', ({ actor, held, at }) => held && at > since && actor === `${name}/0`)
      const [publisher, first] = await Promise.all([run.publisher('p', load), member('m0')])
      await settling('m0')
      const second = await member('m1')
      await first.kill()
      await settling('m1')
      const third = await member('m2')
      await second.whileStopped(() => settling('m2'))
      await settling('m2')
      await third.terminate()
      await settling('m1')
      for (const how of ['commit', 'rollback'] as const) await run.publishInTransaction(how)
      await publisher.terminate()
      await run.settled(RUN_MS)
      const judgement = await run.kept()
      assert.ok(judgement.events > 50, `only ${judgement.events} events`)
      tally('members in turn: log', database.name, judgement)
    },
    RUN_MS,
  )

  test.run()
}
