import { Run } from '../support/actors/run.js'
import { DATABASES } from '../support/databases.js'
import { suite } from '../support/suite.js'

/** How long a whole run may take on a busy machine, in milliseconds. */
const RUN_MS = 60_000

for (const database of DATABASES) {
  const test = suite(`order on ${database.name}`)

  test(
    'with one consumer and no faults, each publisher’s events of one priority come in the order of its calls',
    async () => {
      await using run = await Run.open(database)
      const load = { objects: 2, callers: 4, pauseMs: 10, count: 40, priorities: [1, 5, 9] }
      const publishers = await Promise.all([run.publisher('p0', load), run.publisher('p1', load)])
      await run.worker('w0', { concurrency: 1, workMs: 0 })
      await Promise.all(publishers.map((publisher) => publisher.ended()))
      await run.settled(RUN_MS)
      await run.kept({ ordered: true })
    },
    RUN_MS,
  )

  test.run()
}
