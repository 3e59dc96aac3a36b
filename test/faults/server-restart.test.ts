import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { EventChannel, type Gap } from '../../src/index.js'
import { Run } from '../support/actors/run.js'
import { ON_SERVERS, type TestDatabase } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { SERVERS } from '../support/servers/find.js'
import type { OwnServer } from '../support/servers/own-server.js'
import { suite } from '../support/suite.js'
import { tally } from '../support/tally.js'
import { eventually, onThisMachine } from '../support/wait.js'
import { SOON_MS, Taker } from '../support/world.js'

/** How long a whole run may take on a busy machine, in milliseconds: a server starts three times. */
const RUN_MS = 120_000
/** How long the server is away, besides the time that it takes to start, in milliseconds. */
const AWAY_MS = 1_000

/** Starts what publishes and handles on a server of the test's own. */
async function begin(db: TestDatabase, url: string, backend: 'queue' | 'log') {
  const run = await Run.open(db, { backend, leaseMs: 2_000 }, await db.place(url))
  // Where one member reads at a time, it must be as quick as two workers.
  const work = backend === 'queue' ? { workMs: 20 } : { workMs: 5, group: 'g', concurrency: 1 }
  const [publisher] = await Promise.all([
    run.publisher('p0', { callers: 4, pauseMs: 40 }),
    run.worker('w0', work),
    run.worker('w1', work),
  ])
  return { run, publisher, [Symbol.asyncDispose]: () => run[Symbol.asyncDispose]() }
}

/** Stops the server and starts it again; returns for how long it was away, in milliseconds. */
async function restart(server: OwnServer, how: 'immediate' | 'orderly'): Promise<number> {
  const startedMs = performance.now()
  await server.stop(how)
  await sleep(AWAY_MS)
  await server.start()
  return performance.now() - startedMs
}

for (const db of ON_SERVERS) {
  const { start } = SERVERS[db.name]
  const test = suite(`server restarted: ${db.name}`)

  test(
    'nothing committed is lost, and handling goes on by itself once the server is back',
    async () => {
      await using server = await start()
      await using queue = await begin(db, server.url, 'queue')
      await using log = await begin(db, server.url, 'log')
      const all = { queue, log }
      let awayMs = 0
      for (const how of ['immediate', 'orderly'] as const) {
        await sleep(1_000)
        const isBack = restart(server, how).then(async (ms) => {
          awayMs = Math.max(awayMs, ms)
          // What was being handled or asked when it went is settled or asked again by then.
          await sleep(2_500)
        })
        const why = 'the server was away'
        await Promise.all(Object.values(all).map(({ run }) => run.recorder.hindering('*', why, () => isBack)))
      }
      for (const [backend, { run, publisher }] of Object.entries(all)) {
        await publisher.terminate()
        await run.settled(RUN_MS)
        const judgement = await run.kept()
        tally(`server restarted: ${backend} (away ${(awayMs / 1_000).toFixed(1)} s)`, db.name, judgement)
        for (const fact of run.facts) {
          if (fact.type === 'rejected') assert.not(fact.definite, fact.error)
          if (fact.type === 'unsettled') assert.unreachable(fact.error)
        }
        assert.ok(judgement.events > 100, `only ${judgement.events} events`)
        const resumedS = judgement.longestStallS - awayMs / 1_000
        assert.ok(resumedS < onThisMachine(4), `went on ${resumedS} s after the server was back`)
      }
    },
    RUN_MS,
  )

  if (db.name === 'postgres') {
    test(
      'notify tells onGap when the server is back, and events arrive again',
      async () => {
        await using server = await start()
        const options = { backend: 'notify', logger: silent } as const
        await using channel = await EventChannel.open(server.url, options)
        const gaps: Gap[] = []
        const taker = new Taker(channel, 'news', { onGap: (gap) => gaps.push(gap) })
        await channel.publish('news', 'before')
        assert.is((await taker.take()).payload, 'before')
        await server.stop('immediate')
        await sleep(AWAY_MS)
        await server.start()
        await eventually(SOON_MS * 2, () => gaps.length > 0)
        await channel.publish('news', 'after')
        assert.is((await taker.take()).payload, 'after')
      },
      RUN_MS,
    )
  }

  test.run()
}
