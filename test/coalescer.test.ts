import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { Coalescer } from '../src/common/coalescer.js'
import { ContentionError } from '../src/common/errors.js'
import { defer } from '../src/common/wait.js'
import { suite } from './support/suite.js'
import { eventually, within } from './support/wait.js'

const test = suite('coalescer')
const numbers = (length: number) => Array.from({ length }, (_, n) => n)
/** What makes a flush be refused. */
const [BAD, CONTENDED] = [-1, -2]

/** A coalescer whose flushes take a while; what each of them was given. */
function open() {
  const flushes: number[][] = []
  let running = 0
  const coalescer = new Coalescer<number, string>(
    () => 1_000,
    async (items) => {
      assert.is(++running, 1, 'one flush at a time')
      flushes.push([...items])
      await sleep(2)
      running--
      if (items.includes(CONTENDED)) throw new ContentionError('gave way')
      if (items.includes(BAD)) throw new Error(items.length === 1 ? 'bad' : 'not all of them are good')
      return items.map((item) => `answer ${item}`)
    },
  )
  const sizes = () => flushes.map(({ length }) => length)
  return { coalescer, flushes, sizes }
}

/** How each call ended. */
async function endings(calls: readonly Promise<unknown>[]): Promise<readonly string[]> {
  const settled = await Promise.allSettled(calls)
  return settled.map((call) => (call.status === 'fulfilled' ? 'answered' : String(call.reason.message)))
}

test('calls of one tick go together, those that come meanwhile in the next flush', async () => {
  const { coalescer, sizes } = open()
  const first = Promise.all(numbers(20).map((n) => coalescer.add(n)))
  await sleep(1)
  const second = Promise.all(numbers(10).map((n) => coalescer.add(n)))
  assert.equal(
    await first,
    numbers(20).map((n) => `answer ${n}`),
  )
  await second
  assert.equal(sizes(), [20, 10])
})

test('a bad one rejects only its own call, and is found by halves', async () => {
  const { coalescer, sizes } = open()
  const settled = await Promise.allSettled([...numbers(99), BAD].map((n) => coalescer.add(n)))
  assert.equal(
    settled.slice(0, 99).map((answer) => answer.status === 'fulfilled' && answer.value),
    numbers(99).map((n) => `answer ${n}`),
  )
  assert.match(String((settled[99] as PromiseRejectedResult).reason), /bad/)
  await coalescer.idle()
  assert.ok(sizes().length <= 15, `${sizes()}`)
})

test('what concerns all rejects all of the flush, and those that waited for it, in one time for all', async () => {
  const { coalescer, flushes } = open()
  const together = endings([...numbers(99), CONTENDED].map((n) => coalescer.add(n)))
  await eventually(1_000, () => flushes.length === 1)
  const meanwhile = endings(numbers(2_000).map((n) => coalescer.add(n)))
  assert.equal([...new Set(await together)], ['gave way'])
  assert.equal([...new Set(await meanwhile)], ['answered'], 'those that came meanwhile have a try of their own')
  const long = endings([...numbers(999), CONTENDED, ...numbers(5_000)].map((n) => coalescer.add(n)))
  assert.equal([...new Set(await long)], ['gave way'])
  assert.is(flushes.length, 4)
})

test('a bad one beside contention: what is left gives up', async () => {
  const { coalescer } = open()
  const ended = await endings(
    [...numbers(4), BAD, ...numbers(3), ...numbers(7), CONTENDED].map((n) => coalescer.add(n)),
  )
  assert.equal([...new Set(ended)], ['gave way'])
})

test('a flush that takes too long does not hold up the next ones, as far as there are flights', async () => {
  const stuck = defer<void>()
  const flushes: number[][] = []
  const flush = async (items: readonly number[]) => {
    flushes.push([...items])
    if (items.includes(0)) await stuck.promise
    return items
  }
  const coalescer = new Coalescer(() => 10, flush, { lateMs: 20, flights: 2 })
  const first = coalescer.add(0)
  await eventually(1_000, () => flushes.length === 1)
  const second = coalescer.add(1)
  await within(1_000, second)
  await within(1_000, coalescer.add(2))
  const third = coalescer.add(0)
  await eventually(1_000, () => flushes.length === 4)
  const fourth = coalescer.add(3)
  await sleep(60)
  assert.equal(flushes, [[0], [1], [2], [0]])
  stuck.resolve()
  await Promise.all([first, third, fourth, coalescer.idle()])
  assert.equal(flushes.at(-1), [3])
})

test('when it is abandoned, what waits is rejected, and what is in flight is answered', async () => {
  const { coalescer, flushes } = open()
  const first = coalescer.add(1)
  await eventually(1_000, () => flushes.length === 1)
  const second = endings([coalescer.add(2)])
  coalescer.abandon(new Error('closed'))
  assert.is(await first, 'answer 1')
  assert.equal(await second, ['closed'])
  await coalescer.idle()
})

test('those who ask again and again are answered together, everybody in order', async () => {
  const { coalescer, flushes, sizes } = open()
  const answers: string[] = []
  await Promise.all(
    numbers(100).map(async (caller) => {
      for (let i = 0; i < 5; i++) answers.push(await coalescer.add(i * 100 + caller))
    }),
  )
  assert.equal(sizes(), Array(5).fill(100))
  assert.equal(flushes.flat(), numbers(500))
  assert.equal(
    answers,
    numbers(500).map((n) => `answer ${n}`),
  )
})

test('it is idle when everybody has the answer', async () => {
  const { coalescer } = open()
  let told = 0
  for (const n of numbers(200)) void coalescer.add(n).then(() => told++)
  await coalescer.idle()
  await Promise.resolve()
  assert.is(told, 200)
})

test.run()
