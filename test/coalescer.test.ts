import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { Coalescer } from '../src/coalescer.js'
import { suite } from './support/suite.js'

const test = suite('coalescer')
const numbers = (length: number) => Array.from({ length }, (_, n) => n)

/** A coalescer whose flushes take a while; what each of them was given. */
function open() {
  const flushes: number[][] = []
  let running = 0
  const coalescer = new Coalescer<number, string>(1_000, async (items) => {
    assert.is(++running, 1, 'one flush at a time')
    flushes.push([...items])
    await sleep(2)
    running--
    if (items.includes(-1)) throw new Error(items.length === 1 ? 'bad' : 'not all of them are good')
    return items.map((item) => `answer ${item}`)
  })
  const sizes = () => flushes.map(({ length }) => length)
  return { coalescer, flushes, sizes }
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

test('a bad one rejects only its own call', async () => {
  const { coalescer } = open()
  const settled = await Promise.allSettled([...numbers(99), -1].map((n) => coalescer.add(n)))
  assert.equal(
    settled.slice(0, 99).map((answer) => answer.status === 'fulfilled' && answer.value),
    numbers(99).map((n) => `answer ${n}`),
  )
  assert.match(String((settled[99] as PromiseRejectedResult).reason), /bad/)
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
