import * as assert from 'uvu/assert'
import { defer } from '../../src/common/wait.js'
import { EventChannel, type EventMessage } from '../../src/index.js'
import { DATABASES } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { movableClock } from '../support/moved-clock.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine, within } from '../support/wait.js'

const LEASE_MS = 3_000
/** By more than a lease, and by little. */
const BACK_MS = [60_000, 500]
const PATIENCE_MS = 15_000
const COUNT = 20

for (const db of DATABASES) {
  const test = suite(`a moved clock of ${db.name}`)

  for (const backend of ['queue', 'log'] as const) {
    for (const backMs of BACK_MS) {
      test(`${backend}: set back by ${backMs} ms, what is published is handled at once, and once`, async () => {
        await using place = await db.place()
        await using clock = await movableClock(db, place)
        const options = { backend, leaseMs: LEASE_MS, logger: silent, ...place.options }
        await using channel = await EventChannel.open(clock.source, options)
        const attempts: number[] = []
        const handler = (event: EventMessage) => void attempts.push(event.attempts)
        await channel.listen('orders', handler, backend === 'log' ? { group: 'g' } : {}).ready
        await channel.publish('orders', 'before')
        await eventually(PATIENCE_MS, () => attempts.length === 1)

        await clock.move(-backMs)
        const startedMs = performance.now()
        for (let i = 0; i < COUNT; i++) await channel.publish('orders', i)
        await eventually(PATIENCE_MS, () => attempts.length === COUNT + 1)
        const tookMs = performance.now() - startedMs
        assert.ok(tookMs < onThisMachine(LEASE_MS), `${tookMs} ms`)
        assert.equal(new Set(attempts), new Set([1]))
        const counts = channel.telemetry.snapshot()
        assert.equal([counts['events.lease.lost'], counts['events.redeliver']], [0, 0])
      })

      test(`${backend}: set back by ${backMs} ms, a handler that is longer than its lease keeps its event`, async () => {
        await using place = await db.place()
        await using clock = await movableClock(db, place)
        const leaseMs = 600
        const options = { backend, leaseMs, logger: silent, pollIntervalMs: 100, ...place.options }
        await using channel = await EventChannel.open(clock.source, options)
        const joining = backend === 'log' ? { group: 'g' } : {}
        const began = defer<void>()
        const acks: boolean[] = []
        let aborted = false
        const handler = async (event: EventMessage) => {
          event.signal.addEventListener('abort', () => {
            aborted = true
          })
          await clock.move(-backMs)
          began.resolve()
          await new Promise((resolve) => setTimeout(resolve, 3 * leaseMs))
          acks.push(await event.ack())
        }
        for (let i = 0; i < 2; i++) await channel.listen('orders', handler, { ...joining, autoAck: false }).ready
        await channel.publish('orders', 1)
        await within(PATIENCE_MS, began.promise)
        await eventually(PATIENCE_MS, () => acks.length > 0)
        assert.equal([acks, aborted], [[true], false])
      })
    }
  }

  test('set forward by more than a lease, a holder hears at its next heartbeat that another has its event', async () => {
    await using place = await db.place()
    await using clock = await movableClock(db, place)
    const options = {
      backend: 'queue',
      leaseMs: LEASE_MS,
      pollIntervalMs: 100,
      logger: silent,
      ...place.options,
    } as const
    await using first = await EventChannel.open(clock.source, options)
    await using second = await EventChannel.open(clock.source, options)
    await first.publish('orders', 1)
    const held = (await within(PATIENCE_MS, first.subscribe('orders')[Symbol.asyncIterator]().next())).value
    await clock.move(10 * LEASE_MS)
    const aborted = new Promise((resolve) => held?.signal.addEventListener('abort', resolve))
    const taken = (await within(PATIENCE_MS, second.subscribe('orders')[Symbol.asyncIterator]().next())).value
    await within(LEASE_MS, aborted, 'being told')
    // By the heartbeat, which asked: by its own clock, the lease is not over.
    assert.match(String(held?.signal.reason), /was lost: another consumer has it now/)
    assert.equal([taken?.attempts, await held?.ack(), await taken?.ack()], [2, false, true])
  })

  test.run()
}
