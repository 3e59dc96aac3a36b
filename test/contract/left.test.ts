import * as assert from 'uvu/assert'
import { defer, sleep } from '../../src/common/wait.js'
import type { EventMessage, SubscribeOptions } from '../../src/index.js'
import { DATABASES, type TestDatabase } from '../support/databases.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/*
 * A consumer that has gone and left events unsettled: they are kept for as long as their lease lasts, then they are for
 * others.
 */

const LEASE_MS = 1_000
const BACKENDS = ['queue', 'log'] as const
const joiningOf = (backend: string): SubscribeOptions => (backend === 'log' ? { group: 'g', from: 'earliest' } : {})
const open = (database: TestDatabase, backend: 'queue' | 'log') =>
  World.open(database, { backend, leaseMs: LEASE_MS, pollIntervalMs: 50 })

for (const database of DATABASES) {
  const test = suite(`left unsettled on ${database.name}`)

  for (const backend of BACKENDS) {
    const options = joiningOf(backend)

    test(`${backend}: a loop body that throws holds up neither its event nor what comes after`, async () => {
      await using world = await open(database, backend)
      for (const payload of ['poison', 'next']) await world.channel.publish('orders', payload)
      const order: string[] = []
      const loop = async () => {
        for await (const event of world.channel.subscribe('orders', options)) {
          event.signal.addEventListener('abort', () => order.push('told'))
          throw new Error(String(event.payload))
        }
      }
      await within(SOON_MS, loop()).catch((error: Error) => assert.is(error.message, 'poison'))
      const taker = new Taker(await world.another(), 'orders', options)
      const events = [await taker.take()]
      order.push('taken')
      if (backend === 'log') await events[0]?.ack()
      events.push(await taker.take())
      const seen = events.map(({ payload, attempts }) => [payload, attempts])
      const expected = [
        ['poison', 2],
        ['next', 1],
      ]
      assert.equal(seen.sort(), expected.sort())
      // On a queue the next event was free all the time.
      if (backend === 'log') assert.equal(order, ['told', 'taken'])
    })

    test(`${backend}: what was left may be settled while its lease lasts, and lasts longer where that is asked for`, async () => {
      await using world = await open(database, backend)
      await world.channel.publish('orders', 'kept')
      let kept: EventMessage | undefined
      for await (const event of world.channel.subscribe('orders', options)) {
        kept = event
        break
      }
      assert.is(await kept?.extend(5 * LEASE_MS), true)
      const other = new Taker(await world.another(), 'orders', options)
      const taking = other.take(20_000).then(() => 'taken')
      taking.catch(() => undefined)
      assert.is(await Promise.race([taking, sleep(2 * LEASE_MS)]), undefined)
      assert.is(await kept?.ack(), true)
      await world.channel.publish('orders', 'next')
      await within(SOON_MS, taking)
    })

    test(`${backend}: a loop beside the one that was left keeps what it works on`, async () => {
      await using world = await open(database, backend)
      for (const payload of [1, 2]) await world.channel.publish('orders', payload)
      const subscription = world.channel.subscribe('orders', options)
      const [first, second] = [subscription[Symbol.asyncIterator](), subscription[Symbol.asyncIterator]()]
      const events = [(await first.next()).value, (await second.next()).value] as EventMessage[]
      await first.return?.()
      await sleep(3 * LEASE_MS)
      // A log has one lease for all that its member has in hand.
      assert.equal(
        events.map(({ signal }) => signal.aborted),
        [backend === 'queue', false],
      )
      assert.is((await second.next()).done, true)
      assert.is(await events[1]?.ack(), true)
    })

    test(`${backend}: a channel that drains keeps what its loop works on aside`, async () => {
      await using world = await open(database, backend)
      const channel = await world.another()
      for (const payload of [1, 2]) await world.channel.publish('orders', payload)
      const acked: boolean[] = []
      const work = async (event: EventMessage) => {
        await sleep(2.5 * LEASE_MS)
        acked.push(await event.ack())
      }
      const working: Promise<void>[] = []
      const loop = (async () => {
        for await (const event of channel.subscribe('orders', options)) working.push(work(event))
      })()
      await eventually(SOON_MS, () => working.length === 2)
      await channel.close({ drainMs: 10 * LEASE_MS })
      await Promise.all([loop, ...working])
      assert.equal(acked, [true, true])
    })

    test(`${backend}: a handler that settles nothing and its listener that is stopped`, async () => {
      await using world = await open(database, backend)
      await world.channel.publish('orders', 'left')
      const began = defer<EventMessage>()
      const listening = world.channel.listen('orders', began.resolve, { ...options, autoAck: false })
      const event = await within(SOON_MS, began.promise)
      await sleep(2 * LEASE_MS)
      assert.is(event.signal.aborted, false, 'kept while it listens')
      await listening.stop()
      const again = await new Taker(await world.another(), 'orders', options).take()
      assert.equal([again.payload, again.attempts], ['left', 2])
      await eventually(SOON_MS, () => event.signal.aborted)
      assert.is(world.channel.telemetry.snapshot()['events.in_hand'], 0)
    })
  }

  test.run()
}
