import { UUID } from 'uuidv7'
import * as assert from 'uvu/assert'
import { DatabaseClock } from '../src/common/clock.js'
import { EventIds } from '../src/publish/event-ids.js'
import { suite } from './support/suite.js'

const test = suite('clock')

/** Whether the clock shows a time, or what has passed since. */
function shows(clock: DatabaseClock, ms: number): boolean {
  return clock.now() >= ms && clock.now() < ms + 1_000
}

test('the first time from the database counts, however wrong the clock of this process is', () => {
  for (const offMs of [-3_600_000, 3_600_000]) {
    const clock = new DatabaseClock()
    clock.observe(Date.now() + offMs)
    assert.ok(shows(clock, Date.now() + offMs - 100))
  }
})

test('a later time counts, an earlier one is an answer that waited to be read', () => {
  const clock = new DatabaseClock()
  clock.observe(1_000_000)
  clock.observe(900_000)
  assert.ok(shows(clock, 1_000_000))
  clock.observe(2_000_000)
  assert.ok(shows(clock, 2_000_000))
})

test('what is no number is no time', () => {
  const clock = new DatabaseClock()
  clock.observe(1_000_000)
  for (const none of [Number.NaN, Number.POSITIVE_INFINITY]) clock.observe(none)
  assert.ok(shows(clock, 1_000_000))
  assert.ok(UUID.parse(new EventIds(clock).next()))
})

test('time goes on by itself', async () => {
  const clock = new DatabaseClock()
  clock.observe(1_000_000)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.ok(clock.now() >= 1_000_015)
  assert.ok(clock.ageMs >= 15)
})

test('ids are written as their standard has it, each after the one before', () => {
  const ids = new EventIds(new DatabaseClock())
  const made = Array.from({ length: 3_000 }, () => ids.next())
  for (const id of made) assert.is(UUID.parse(id).toString(), id)
  assert.equal([...new Set(made)].sort(), made)
})

test.run()
