import * as assert from 'uvu/assert'
import type { Payload } from '../support/actors/config.js'
import { Run } from '../support/actors/run.js'
import { DATABASES } from '../support/databases.js'
import { pick, seeded } from '../support/random.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine } from '../support/wait.js'

/** How long a whole run may take on a busy machine, in milliseconds. */
const RUN_MS = 60_000

for (const database of DATABASES) {
  const test = suite(`death on ${database.name}`)

  test(
    'workers killed at random while handling lose nothing, and hold events no longer than their leases',
    async () => {
      await using run = await Run.open(database, { leaseMs: 1_000 })
      const random = seeded(3)
      const worker = (name: string) => run.worker(name, { workMs: 30, nacks: 0.1 })
      const load = { callers: 4, pauseMs: 30, priorities: [1, 5], delayed: 0.1, oversized: 0.02 }
      const [publisher, ...workers] = await Promise.all([run.publisher('p', load), worker('w0'), worker('w1')])
      for (const next of ['w2', 'w3', 'w4']) {
        const victim = pick(random, workers)
        await run.fact(RUN_MS, 'acking', ({ actor }) => actor === `${victim.name}/0`)
        await victim.kill()
        workers.splice(workers.indexOf(victim), 1, await worker(next))
        await run.publishInTransaction(pick(random, ['commit', 'rollback']))
      }
      await publisher.terminate()
      await run.settled(RUN_MS)
      const { events, longestStallS } = await run.kept()
      assert.ok(events > 50, `only ${events} events`)
      assert.ok(longestStallS < onThisMachine(5), `stalled for ${longestStallS} s`)
    },
    RUN_MS,
  )

  test(
    'an event whose holders keep dying is set aside after its attempts, and the others get through',
    async () => {
      await using run = await Run.open(database, { leaseMs: 500, maxAttempts: 3 })
      const poison = await run.publish({ every: [{ do: 'die' }] }, { priority: 1 })
      for (let i = 0; i < 5; i++) await run.publish()
      let deaths = 0
      const letterOfPoison = async () => {
        const letters = await run.channel.deadLetters.list()
        return letters.find(({ payload }) => (payload as Payload).event === poison)
      }
      while (!(await letterOfPoison())) {
        const worker = await run.worker(`w${deaths}`, { concurrency: 1, prefetch: 1 })
        worker.expectDeath()
        await eventually(RUN_MS, async () => !worker.isRunning || (await letterOfPoison()))
        if (!worker.isRunning) deaths++
        assert.ok(deaths <= 3, `${deaths} workers died`)
      }
      await run.settled(RUN_MS)
      assert.is(deaths, 3)
      const letter = await letterOfPoison()
      assert.is(letter?.attempts, 3)
      assert.match(letter?.error ?? '', /delivered 3 times and never settled/)
      const { dead } = (await run.channel.stats('orders'))[0] ?? {}
      // What waited in the buffers of those that died may share its fate.
      assert.ok(Number(dead) <= 2, `${dead} dead letters`)
      await run.kept()
    },
    RUN_MS,
  )

  test.run()
}
