import * as assert from 'uvu/assert'
import { Outage } from '../src/common/outage.js'
import { nextTurn } from '../src/common/wait.js'
import { Demand } from '../src/consume/demand.js'
import { Prefetcher } from '../src/consume/prefetcher.js'
import type { Inbox } from '../src/engine.js'
import type { Delivery } from '../src/event.js'
import { silent } from './support/logger.js'
import { suite } from './support/suite.js'

const test = suite('intake')

/** An inbox whose takes are answered by hand. */
class HandInbox implements Inbox {
  isPlenty = false
  readonly takes: { limit: number; answer: (count: number) => void }[] = []

  take(limit: number, signal: AbortSignal): Promise<readonly Delivery[]> {
    return new Promise((resolve) => {
      const answer = (count: number) => resolve(Array<Delivery>(count).fill({} as Delivery))
      this.takes.push({ limit, answer })
      signal.addEventListener('abort', () => answer(0), { once: true })
    })
  }

  ack(): void {}

  async settle(): Promise<boolean> {
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A consumer of ten at a time, which keeps a hundred ahead. */
function start() {
  const inbox = new HandInbox()
  const stopping = new AbortController()
  const taker = {
    demand: new Demand({ free: 10 }),
    buffer: [] as Delivery[],
    accept(deliveries: readonly Delivery[]) {
      this.buffer.push(...deliveries)
    },
    fail(error: unknown) {
      throw error
    },
  }
  void taker.demand.ask()
  const prefetcher = new Prefetcher(inbox, taker, 100, new Outage(silent, 'fetching'))
  const running = prefetcher.run(stopping.signal)
  return {
    inbox,
    /** What it asks for after the consumer was left with so many. */
    async asksWith(buffered: number): Promise<readonly number[]> {
      const before = inbox.takes.length
      taker.buffer.length = buffered
      prefetcher.poke()
      await nextTurn()
      return inbox.takes.slice(before).map(({ limit }) => limit)
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await running
    },
  }
}

test('where events are not plenty, one take waits for all that is wanted', async () => {
  await using world = start()
  assert.equal(
    world.inbox.takes.map(({ limit }) => limit),
    [110],
  )
  assert.equal(await world.asksWith(0), [])
})

test('where they are, the next take is under way when half of what is wanted would be missing', async () => {
  await using world = start()
  world.inbox.takes[0]?.answer(110)
  await nextTurn()
  world.inbox.isPlenty = true
  assert.equal(await world.asksWith(60), [])
  assert.equal(await world.asksWith(59), [51])
  assert.equal(await world.asksWith(9), [])
  assert.equal(await world.asksWith(8), [51])
})

test('no more are asked for than are wanted, however often, and two takes at most are under way', async () => {
  await using world = start()
  world.inbox.isPlenty = true
  world.inbox.takes[0]?.answer(60)
  await nextTurn()
  assert.equal(await world.asksWith(59), [51])
  assert.equal(await world.asksWith(0), [59])
  assert.equal(await world.asksWith(0), [])
  for (let round = 0; round < 20; round++) await world.asksWith(0)
  assert.is(world.inbox.takes.length, 3)
})

test.run()
