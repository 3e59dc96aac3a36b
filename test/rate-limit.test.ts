import * as assert from 'uvu/assert'
import { RateLimit } from '../src/consume/rate-limit.js'
import { DATABASES } from './support/databases.js'
import { suite } from './support/suite.js'
import { eventually, within } from './support/wait.js'
import { World } from './support/world.js'

const test = suite('rate limit')
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Most of some times that lie within one span. */
function mostWithin(ms: number, times: readonly number[]): number {
  return Math.max(...times.map((from) => times.filter((time) => time >= from && time < from + ms).length))
}

test('no more than its maximum starts in any span of time, however they come', async () => {
  const limit = new RateLimit({ max: 5, perMs: 200 })
  const { signal } = new AbortController()
  const times: number[] = []
  const start = async () => {
    assert.ok(await limit.start(signal))
    times.push(performance.now())
  }
  await start()
  await sleep(180)
  await Promise.all(Array.from({ length: 14 }, start))
  assert.is(times.length, 15)
  // A busy machine lets this test look at the clock a while after a start was noted. Fixed windows let nine through.
  assert.ok(mostWithin(150, times) <= 5, `${mostWithin(150, times)} at once`)
})

test('those who wait are let go when the signal aborts, and leave no timer behind', async () => {
  const limit = new RateLimit({ max: 1, perMs: 3_600_000 })
  const stopping = new AbortController()
  assert.is(await limit.start(stopping.signal), true)
  assert.is(limit.available, 0)
  const waiting = [limit.start(stopping.signal), limit.start(stopping.signal)]
  stopping.abort()
  assert.equal(await within(1_000, Promise.all(waiting)), [false, false])
})

for (const database of DATABASES) {
  test(`${database.name}: a listener keeps to its limit after a quiet time, and claims no event that may not start`, async () => {
    await using world = await World.open(database)
    const times: number[] = []
    const handler = () => void times.push(performance.now())
    const listener = world.channel.listen('orders', handler, { concurrency: 10, rateLimit: { max: 3, perMs: 600 } })
    await listener.ready
    await world.channel.publish('orders', 0)
    await eventually(5_000, () => times.length === 1)
    await sleep(400)
    await world.channel.publishMany(Array.from({ length: 11 }, (_, payload) => ({ channel: 'orders', payload })))
    await eventually(5_000, () => times.length >= 4)
    const [stats] = await world.channel.stats('orders')
    assert.ok(Number(stats?.leased) <= 4, `${stats?.leased} leased`)
    await eventually(10_000, () => times.length === 12)
    assert.ok(mostWithin(500, times) <= 3, times.map((time) => Math.round(time - (times[0] ?? 0))).join(' '))
  })

  test(`${database.name}: a listener that waits for its limit stops, and its channel closes, at once`, async () => {
    await using world = await World.open(database)
    let handled = 0
    const handler = () => void handled++
    const options = { concurrency: 4, rateLimit: { max: 1, perMs: 3_600_000 } }
    const stopped = world.channel.listen('orders', handler, options)
    const closed = world.channel.listen('mails', handler, options)
    await Promise.all([stopped.ready, closed.ready])
    for (const channel of ['orders', 'mails']) {
      await world.channel.publishMany(Array.from({ length: 3 }, (_, payload) => ({ channel, payload })))
    }
    await eventually(5_000, () => handled === 2)
    await within(2_000, stopped.stop(), 'stopping')
    const [left] = await world.channel.stats('orders')
    assert.equal([left?.ready, left?.leased], [2, 0])
    await within(3_000, world.channel.close(), 'closing')
  })
}

test.run()
