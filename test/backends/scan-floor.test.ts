import * as assert from 'uvu/assert'
import type { QueueDelivery } from '../../src/engines/sql/queue/delivery.js'
import { ScanFloor } from '../../src/engines/sql/queue/scan-floor.js'
import { suite } from '../support/suite.js'

const test = suite('the scan floor of a channel')

const FIRST = { fromPriority: -32_768, fromId: '00000000-0000-0000-0000-000000000000' }
const WHOLE: unknown[] = []
/** Long enough to be worth a rest, in milliseconds. */
const SLOW_MS = 1_000

/** An event made so many seconds after another. */
function event(priority: number, madeAtS: number): QueueDelivery {
  const hex = (1_800_000_000_000 + madeAtS * 1_000).toString(16).padStart(12, '0')
  return { priority, id: `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000` } as QueueDelivery
}

test('a claim looks through the whole channel while that is cheap', () => {
  const scanFloor = new ScanFloor()
  assert.equal(scanFloor.ranges(), WHOLE)
  scanFloor.observe(scanFloor.ranges(), 2, 0, [event(5, 10)])
  scanFloor.observe(scanFloor.ranges(), 40, 400, Array<QueueDelivery>(400).fill(event(5, 20)))
  assert.equal(scanFloor.ranges(), WHOLE)
  assert.is(scanFloor.restMs, 0)
})

test('after a slow one it starts, at each priority, a second before the last event that was claimed there', () => {
  const scanFloor = new ScanFloor()
  scanFloor.observe(scanFloor.ranges(), SLOW_MS, 0, [event(5, 10), event(5, 20), event(2, 30)])
  assert.ok(scanFloor.restMs > 0 && scanFloor.restMs <= 1_000)
  const before = (madeAtS: number) => event(0, madeAtS).id.replace('-7000-8000-', '-0000-0000-')
  assert.equal(scanFloor.ranges(), [
    { ...FIRST, toPriority: 1 },
    { fromPriority: 2, fromId: before(29), toPriority: 4 },
    { fromPriority: 5, fromId: before(19), toPriority: 32_767 },
  ])
})

test('an event that is put back is looked at, and one claimed again moves nothing back', () => {
  const scanFloor = new ScanFloor()
  scanFloor.observe(scanFloor.ranges(), SLOW_MS, 0, [event(5, 20)])
  const floor = () => scanFloor.ranges().at(-1)?.fromId ?? ''
  const before = floor()
  scanFloor.observe(scanFloor.ranges(), 1, 0, [event(5, 3)])
  assert.is(floor(), before)
  scanFloor.putBack(event(5, 4))
  assert.is(floor(), event(5, 4).id)
})

test('the first priority there can be leaves no part before it', () => {
  const scanFloor = new ScanFloor()
  scanFloor.observe(scanFloor.ranges(), SLOW_MS, 0, [event(-32_768, 20)])
  assert.is(scanFloor.ranges().length, 1)
  assert.is(scanFloor.ranges()[0]?.fromPriority, -32_768)
})

test.run()
