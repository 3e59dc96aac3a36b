import * as assert from 'uvu/assert'
import { Prefetch } from '../src/consume/prefetch.js'
import { DATABASES } from './support/databases.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'
import { World } from './support/world.js'

const test = suite('prefetch')

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** So many events that are begun together, take as long as each other and end together. */
async function burst(prefetch: Prefetch, count: number, ms: number): Promise<void> {
  const events = Array.from({ length: count }, () => ({}))
  for (const event of events) prefetch.onHandedOut(event)
  await sleep(ms)
  // As whoever fetches does all the time: each look begins a new measurement.
  void prefetch.target
  for (const event of events) {
    prefetch.onDone(event)
    prefetch.onSettled()
  }
}

test('slow handlers that end together are no fast consumer', async () => {
  const prefetch = new Prefetch('auto')
  for (let round = 0; round < 3; round++) {
    await burst(prefetch, 100, 400)
    await sleep(25)
    // A hundred in 400 ms are 62 in a quarter of a second.
    assert.ok(prefetch.target <= 70, `${prefetch.target} ahead`)
  }
})

test('quick handlers have a quarter of a second of work ahead, at most 1 500 events', async () => {
  const prefetch = new Prefetch('auto')
  assert.is(prefetch.target, 0)
  for (let i = 0; i < 20; i++) await burst(prefetch, 100, 1)
  assert.ok(prefetch.target > 500, `${prefetch.target} ahead`)
  for (let i = 0; i < 200; i++) await burst(prefetch, 1_000, 0)
  assert.ok(prefetch.target <= 1_500)
})

test('an event that is in hand for long says that its consumer is slow before it is done', async () => {
  const prefetch = new Prefetch('auto')
  await burst(prefetch, 100, 1)
  await sleep(25)
  assert.ok(prefetch.target > 100, `${prefetch.target} ahead`)
  prefetch.onHandedOut({})
  await sleep(1_000)
  assert.ok(prefetch.target <= 25, `${prefetch.target} ahead`)
})

test('a number is a number, whatever the consumer does', async () => {
  const prefetch = new Prefetch(7)
  assert.is(prefetch.target, 7)
  await burst(prefetch, 100, 30)
  assert.is(prefetch.target, 7)
})

for (const database of DATABASES) {
  test(`${database.name}: what slow handlers cannot begin within a quarter of a second stays for other consumers`, async () => {
    await using world = await World.open(database)
    const events = Array.from({ length: 400 }, (_, payload) => ({ channel: 'orders', payload }))
    await world.channel.publishMany(events)
    let handled = 0
    const handler = async () => {
      await sleep(500)
      handled++
    }
    world.channel.listen('orders', handler, { concurrency: 50 })
    let mostAhead = 0
    await eventually(15_000, () => {
      mostAhead = Math.max(mostAhead, world.channel.telemetry.snapshot()['events.buffered'] ?? 0)
      return handled >= 150
    })
    // 50 at a time, half a second each: 25 in a quarter of a second, and those that are about to begin.
    assert.ok(mostAhead <= 80, `${mostAhead} ahead`)
  })
}

test.run()
