import * as assert from 'uvu/assert'
import { Run } from '../support/actors/run.js'
import { DATABASES } from '../support/databases.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'

/** How long a whole run may take on a busy machine, in milliseconds. */
const RUN_MS = 60_000

for (const database of DATABASES) {
  const test = suite(`stopped on ${database.name}`)

  test(
    'a worker stopped for longer than a lease finds it lost: its signal aborted, its ack refused, counted once',
    async () => {
      await using run = await Run.open(database, { leaseMs: 1_000 })
      const stopped = await run.worker('w0', { concurrency: 2 })
      const event = await run.publish({ first: [{ do: 'hold' }] })
      await run.fact(RUN_MS, 'delivered')
      const [publisher] = await Promise.all([run.publisher('p', { pauseMs: 20 }), run.worker('w1', { concurrency: 2 })])
      await stopped.whileStopped(async () => {
        await run.fact(RUN_MS, 'acked', (fact) => fact.event === event && fact.actor === 'w1/0' && fact.held)
      })
      await run.fact(RUN_MS, 'lost', (fact) => fact.event === event && fact.actor === 'w0/0')
      const late = await run.fact(RUN_MS, 'acked', (fact) => fact.event === event && fact.actor === 'w0/0')
      assert.is(late.held, false)
      await publisher.terminate()
      await run.settled(RUN_MS)
      await run.kept()
      const lost = run.facts.filter(({ type, actor }) => type === 'lost' && actor === 'w0/0').length
      const refused = run.facts.filter((fact) => fact.type === 'acked' && !fact.held).length
      assert.ok(lost >= 1 && refused <= lost, `${lost} lost, ${refused} refused`)
      assert.ok(run.counter('w0', 'events.lease.lost') >= lost)
      assert.is(run.counter('w1', 'events.lease.lost'), 0)
    },
    RUN_MS,
  )

  test(
    'a worker asked to end drains within its time and gives the rest back at once, with the attempt',
    async () => {
      await using run = await Run.open(database, { leaseMs: 30_000, pollIntervalMs: 500 })
      // One that ends in time, one that does not, ten that nobody has begun with.
      const worker = await run.worker('w0', { concurrency: 2, prefetch: 10, drainMs: 700 })
      const quick = await run.publish({ first: [{ do: 'wait', ms: 400 }] })
      const slow = await run.publish({ every: [{ do: 'hold', on: 'w0' }] })
      for (let i = 0; i < 10; i++) await run.publish()
      await run.fact(RUN_MS, 'delivered', ({ event }) => event === slow)
      await eventually(RUN_MS, async () => Number((await run.channel.stats('orders'))[0]?.leased) >= 2)
      await run.worker('w1', { concurrency: 2 })
      const ending = worker.terminate()
      const others = run.fact(RUN_MS, 'delivered', ({ event, actor }) => event === slow && actor === 'w1/0')
      const [, { at, attempts }] = await Promise.all([ending, others])
      await run.settled(RUN_MS)
      await run.kept()
      assert.is(attempts, 1)
      const closing = await run.fact(0, 'closing', ({ actor }) => actor === 'w0')
      const closed = await run.fact(0, 'closed', ({ actor }) => actor === 'w0')
      assert.ok(closed.at - closing.at < 700 + 1_000, `closing took ${closed.at - closing.at} ms`)
      assert.ok(at - closing.at < 700 + 1_000, `given back after ${at - closing.at} ms`)
      const rest = run.facts.filter((fact) => fact.type === 'delivered' && fact.actor === 'w1/0' && fact.event !== slow)
      for (const fact of rest) assert.ok(fact.at - closing.at < 1_000, `had after ${fact.at - closing.at} ms`)
      const acked = await run.fact(0, 'acked', ({ event }) => event === quick)
      assert.equal([acked.actor, acked.held], ['w0/0', true])
    },
    RUN_MS,
  )

  test.run()
}
