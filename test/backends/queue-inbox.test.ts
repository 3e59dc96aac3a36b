import * as assert from 'uvu/assert'
import { nextTurn } from '../../src/common/wait.js'
import { QueueInbox } from '../../src/engines/sql/queue/inbox.js'
import { suite } from '../support/suite.js'

const test = suite('inbox of a queue')

type Parts = ConstructorParameters<typeof QueueInbox>[0]
type Options = ConstructorParameters<typeof QueueInbox>[2]
type Lane = Parameters<Parts['poller']['add']>[0]

/** An inbox of one channel whose claims are answered by hand. */
function open() {
  const claims: { limit: number; answer: (count: number) => void }[] = []
  let lane: Lane | undefined
  const claim = (limit: number) =>
    new Promise((resolve) => {
      const answer = (count: number) => resolve(Array(count).fill({ attempts: 1, maxAttempts: 5 }))
      claims.push({ limit, answer })
    })
  const poller = {
    add: (added: Lane) => {
      lane = added
    },
    onWaiting: () => undefined,
  }
  const parts = {
    poller,
    leases: { hold: () => undefined },
    channel: () => ({ roundTrips: { claim, portion: 1_000 } }),
  } as unknown as Parts
  const inbox = new QueueInbox(parts, ['orders'], { leaseMs: 1_000, pollIntervalMs: 1_000 } as Options)
  const { signal } = new AbortController()
  return {
    inbox,
    take: (limit: number) => inbox.take(limit, signal).then(({ length }) => length),
    /** The limits of the claims under way. */
    claims: () => claims.map(({ limit }) => limit),
    async answer(count: number) {
      claims.shift()?.answer(count)
      await nextTurn()
    },
    async hint() {
      lane?.heat()
      await nextTurn()
    },
  }
}

test('while claims come back full, two takes claim one after the other', async () => {
  const { inbox, take, claims, answer } = open()
  const first = take(10)
  assert.is(inbox.isPlenty, false)
  await answer(10)
  assert.is(await first, 10)
  assert.is(inbox.isPlenty, true)
  const takes = [take(5), take(5)]
  assert.equal(claims(), [5, 5])
  await answer(4)
  assert.is(inbox.isPlenty, false)
  await answer(1)
  assert.equal(await Promise.all(takes), [4, 1])
})

test('one hint wakes both takes that wait, where there is enough for both', async () => {
  const { take, claims, answer, hint } = open()
  const first = take(10)
  await answer(10)
  await first
  const takes = [take(1), take(9)]
  await answer(0)
  await answer(0)
  assert.equal(claims(), [])
  await hint()
  assert.equal(claims(), [1])
  await answer(1)
  assert.equal(claims(), [9])
  await answer(3)
  assert.equal(await Promise.all(takes), [1, 3])
})

test.run()
