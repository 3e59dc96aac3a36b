import * as assert from 'uvu/assert'
import { Bounded } from '../../src/engines/sql/notify/bounded.js'
import { suite } from '../support/suite.js'

const test = suite('a bounded buffer')

test('keeps the newest, and says when the oldest made room', async () => {
  const buffer = new Bounded<number>(2)
  assert.equal(
    [1, 2, 3, 4].map((item) => buffer.put(item)),
    [false, false, true, true],
  )
  assert.equal(buffer.take(10), [3, 4])
  assert.is(buffer.length, 0)
})

test('gives out what was put in, in order, however the two take turns', async () => {
  const buffer = new Bounded<number>(1_000)
  const taken: number[] = []
  let next = 0
  for (let round = 0; round < 500; round++) {
    for (let i = 0; i < round % 7; i++) buffer.put(next++)
    taken.push(...buffer.take(round % 5))
    assert.is(buffer.length, next - taken.length)
  }
  taken.push(...buffer.take(next))
  assert.equal(
    taken,
    Array.from({ length: next }, (_, i) => i),
  )
})

test.run()
