import * as assert from 'uvu/assert'
import { Run } from '../support/actors/run.js'
import { database, MYSQL_FAMILY } from '../support/databases.js'
import { type Random, seeded } from '../support/random.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine } from '../support/wait.js'

/** How long a whole run may take on a busy machine, in milliseconds. */
const RUN_MS = 60_000
/** How long others are kept from writing, and the most that an event loop may stand still for it, in milliseconds. */
const LOCKED_MS = 3_000
const MOST_DELAY_MS = 1_000

const sqlite = suite('writers at once on sqlite')

sqlite(
  'processes that write at once, with another that holds a write transaction for seconds, lose and block nothing',
  async () => {
    await using run = await Run.open(database('sqlite'), { leaseMs: 10_000 })
    const load = { objects: 2, callers: 4, pauseMs: 40 }
    const names = ['p0', 'p1', 'w0', 'w1']
    const [p0, p1] = await Promise.all([
      run.publisher('p0', load),
      run.publisher('p1', load),
      run.worker('w0', { objects: 2 }),
      run.worker('w1'),
    ])
    await run.fact(RUN_MS, 'acked')
    const lock = await run.place.begin()
    await new Promise((resolve) => setTimeout(resolve, LOCKED_MS))
    await lock.rollback()
    await eventually(RUN_MS, () => run.facts.filter(({ type }) => type === 'acked').length > 100, 50)
    await Promise.all([p0.terminate(), p1.terminate()])
    await run.settled(RUN_MS)
    const { events, longestStallS } = await run.kept()
    assert.ok(longestStallS < onThisMachine(LOCKED_MS / 1_000 + 2), `stalled for ${longestStallS} s`)
    const errors = run.facts.filter(({ type }) => type === 'rejected' || type === 'unsettled')
    assert.equal(errors, [])
    const delays = names.map((name) => run.counter(name, 'longestLoopDelayMs'))
    console.log(
      `${events} events, longest stall ${longestStallS} s, loop delays ${delays.map(Math.round).join(', ')} ms`,
    )
    for (const delay of delays)
      assert.ok(delay < onThisMachine(MOST_DELAY_MS), `an event loop stood still for ${delay} ms`)
  },
  RUN_MS,
)

sqlite.run()

for (const db of MYSQL_FAMILY) {
  const mysql = suite(`writers at once on ${db.name}`)

  mysql(
    'a storm of deadlocks, from eight publishers with the same keys and eight consumers, surfaces nowhere',
    async () => {
      await using run = await Run.open(db, { leaseMs: 10_000, pollIntervalMs: 100 })
      const load = { objects: 4, callers: 4, pauseMs: 10, keys: 20, priorities: [1, 5, 9], delayed: 0.1 }
      const work = { objects: 4, concurrency: 8, workMs: 3, nacks: 0.2 }
      await Promise.all([run.worker('w0', work), run.worker('w1', work)])
      const publishers = await Promise.all([run.publisher('p0', load), run.publisher('p1', load)])
      const random = seeded(5)
      const deadlocks = await Promise.all([entangle(run, random), entangle(run, random), entangle(run, random)])
      await Promise.all(publishers.map((publisher) => publisher.terminate()))
      await run.settled(RUN_MS)
      const { events, longestStallS } = await run.kept()
      console.log(`${events} events, longest stall ${longestStallS} s, ${deadlocks.flat().length} deadlocks of users`)
      const errors = run.facts.filter(({ type }) => type === 'rejected' || type === 'unsettled')
      assert.equal(errors, [])
    },
    RUN_MS,
  )

  mysql.run()
}

/** Publishes events with keys in any order in transactions of a user's own, who has to live with the deadlocks. */
async function entangle(run: Run, random: Random): Promise<readonly unknown[]> {
  const deadlocks: unknown[] = []
  const untilMs = performance.now() + 5_000
  const keys = Array.from({ length: 20 }, (_, index) => ({ key: `key-${index}` }))
  while (performance.now() < untilMs) {
    const order = keys.toSorted(() => random() - 0.5)
    await run.publishInTransaction('commit', order).catch((error: unknown) => deadlocks.push(error))
  }
  return deadlocks
}
