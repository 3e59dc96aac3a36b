import * as assert from 'uvu/assert'
import type { RowcastError } from '../../src/index.js'
import { database } from '../support/databases.js'
import { suite } from '../support/suite.js'
import { onThisMachine } from '../support/wait.js'
import { World } from '../support/world.js'

/*
 * Another process writes for longer than a publish waits. All that waits for the same lock waits once, together.
 */

const test = suite('contention on sqlite')
/** How long work that loses against another transaction is tried, in milliseconds, and some time on a busy machine. */
const BOUND_MS = 10_000 + 5_000

test(
  'calls that wait for the same lock reject together, not one after another',
  async () => {
    await using world = await World.open(database('sqlite'))
    const { channel } = world
    const tx = await world.place.begin()
    const startedMs = performance.now()
    const calls: Promise<unknown>[] = Array.from({ length: 2_500 }, (_, n) => channel.publish('orders', n))
    calls.push(...['k', 'l', 'm'].map((key) => channel.publish('orders', key, { key })))
    const events = Array.from({ length: 1_200 }, (_, payload) => ({ channel: 'orders', payload }))
    calls.push(channel.publishMany(events), channel.publishMany(events.slice(0, 10)))
    const settled = await Promise.allSettled(calls)
    const tookMs = performance.now() - startedMs
    const codes = settled.map((call) => (call.status === 'rejected' ? (call.reason as RowcastError).code : 'stored'))
    assert.equal([...new Set(codes)], ['CONTENTION'])
    assert.ok(tookMs < onThisMachine(BOUND_MS), `${tookMs} ms`)
    await tx.rollback()
    await channel.publish('orders', 'after')
    assert.is((await channel.stats('orders'))[0]?.ready, 1)
  },
  3 * BOUND_MS,
)

test.run()
