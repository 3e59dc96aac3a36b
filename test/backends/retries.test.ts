import * as assert from 'uvu/assert'
import type { LogDelivery } from '../../src/engines/sql/log/log-delivery.js'
import { Retries } from '../../src/engines/sql/log/retries.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine } from '../support/wait.js'

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

test('ten thousand that wait cost as little as ten', () => {
  const retries = new Retries(() => undefined)
  const startedMs = performance.now()
  for (let position = 0; position < 9_999; position++) {
    retries.add(delivery(position), 600_000 + (position % 7) * 1_000)
    retries.take(10)
  }
  // Sorted anew for each, they take minutes.
  assert.ok(performance.now() - startedMs < onThisMachine(2_000), `${performance.now() - startedMs} ms`)
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
