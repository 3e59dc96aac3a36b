import * as assert from 'uvu/assert'
import type { LogDelivery } from '../../src/engines/sql/log/log-delivery.js'
import { Retries } from '../../src/engines/sql/log/retries.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'

const test = suite('retries of a log')

function delivery(position: number, payload = '1'): LogDelivery {
  return { position, payload } as LogDelivery
}

const positionsOf = (deliveries: readonly LogDelivery[]) => deliveries.map(({ position }) => position)

test('they come when they are due, the longest first, those of one time in their order', async () => {
  let rings = 0
  const retries = new Retries(() => rings++)
  retries.add(delivery(1), 40)
  retries.add(delivery(2), 0)
  retries.add(delivery(3), 20)
  retries.add(delivery(4), 0)
  await eventually(1_000, () => rings > 0)
  assert.equal(positionsOf(retries.take(1)), [2])
  assert.equal(positionsOf(retries.take(10)), [4])
  await eventually(1_000, () => rings > 1)
  await eventually(1_000, () => retries.take(10).length === 1)
  await eventually(1_000, () => positionsOf(retries.take(10)).includes(1))
  assert.is(retries.isEmpty, true)
})

test('a nack costs among thousands that wait about what it costs among few', () => {
  const retries = new Retries(() => undefined)
  let position = 0
  const addOne = () => {
    retries.add(delivery(position++), 600_000 + (position % 7) * 1_000)
    retries.take(10)
  }
  /** How long a hundred take that come to this many, at best of several times. */
  const hundredMs = (waiting: number) => {
    const times = Array.from({ length: 9 }, () => {
      retries.clear()
      for (let i = 0; i < waiting; i++) addOne()
      const startedMs = performance.now()
      for (let i = 0; i < 100; i++) addOne()
      return performance.now() - startedMs
    })
    retries.clear()
    return Math.min(...times)
  }
  hundredMs(1_000)
  const [few, many] = [hundredMs(0), hundredMs(9_000)]
  assert.ok(many < 10 * few, `${many} ms among thousands, ${few} ms among few`)
})

test('they are full at ten thousand, and empty when they are cleared', () => {
  const retries = new Retries(() => undefined)
  for (let position = 0; position < 9_999; position++) retries.add(delivery(position), 600_000)
  assert.is(retries.isFull, false)
  retries.add(delivery(10_000), 600_000)
  assert.is(retries.isFull, true)
  retries.clear()
  assert.equal([retries.isFull, retries.isEmpty], [false, true])
})

test('large ones are fewer', () => {
  const retries = new Retries(() => undefined)
  const mib = 'x'.repeat(2 ** 20)
  for (let position = 0; position < 63; position++) retries.add(delivery(position, mib), 600_000)
  assert.is(retries.isFull, false)
  retries.add(delivery(64, mib), 600_000)
  assert.is(retries.isFull, true)
  retries.clear()
})

test.run()
