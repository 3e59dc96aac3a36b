import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { DatabaseClock, FIRST_ID } from '../../src/common/clock.js'
import { Start } from '../../src/engines/sql/log/start.js'
import { suite } from '../support/suite.js'

const test = suite('where looks at a log begin')

const OLD_ID = '01900000-0000-7000-8000-000000000000'
/** Long enough to be worth a rest. */
const SLOW_MS = 20
const open = () => new Start(new DatabaseClock())
const youngId = (id: string) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16) > Date.now() - 6_000

test('at the first of all, while that is cheap', () => {
  const start = open()
  start.note(start.next(), 1, 0, false, undefined)
  start.note(start.next(), 30, 1_000, true, OLD_ID)
  assert.is(start.next(), FIRST_ID)
  assert.is(start.dueInMs, Number.POSITIVE_INFINITY)
})

test('a little before now, where that is dear; everything is looked at when the rest is over, and that is planned', async () => {
  const start = open()
  start.note(start.next(), SLOW_MS, 0, false, undefined)
  assert.ok(start.dueInMs > 1 && start.dueInMs <= 1_000, `${start.dueInMs}`)
  const young = start.next()
  assert.ok(youngId(young), young)
  await sleep(20 * SLOW_MS + 10)
  // The rest ended while the look was under way: it does not count as one at everything.
  start.note(young, 1, 0, false, undefined)
  assert.is(start.dueInMs, 1)
  assert.is(start.next(), FIRST_ID)
})

test('at the first of all again, where the database is far away: no look is quick there', async () => {
  const start = open()
  start.note(start.next(), SLOW_MS, 0, false, undefined)
  start.note(start.next(), SLOW_MS - 2, 0, false, undefined)
  await sleep(20 * SLOW_MS + 10)
  start.note(start.next(), SLOW_MS, 0, false, undefined)
  assert.is(start.next(), FIRST_ID)
  // Not so when it takes far longer than the others do.
  start.note(start.next(), 3 * SLOW_MS, 0, false, undefined)
  assert.ok(youngId(start.next()))
})

test('a little before now still, where a look that gave many positions took long: that says nothing of the way there', async () => {
  const start = open()
  start.note(start.next(), SLOW_MS, 0, false, undefined)
  start.note(start.next(), 4 * SLOW_MS, 4_000, false, undefined)
  await sleep(20 * SLOW_MS + 10)
  start.note(start.next(), SLOW_MS, 0, false, undefined)
  assert.ok(youngId(start.next()))
})

test('a little before now again, where one look was slow by chance: that is believed for a while', async () => {
  const start = open()
  start.note(start.next(), SLOW_MS, 0, false, undefined)
  start.note(start.next(), SLOW_MS, 0, false, undefined)
  await sleep(20 * SLOW_MS + 10)
  let looks = 0
  for (; start.next() === FIRST_ID; looks++) start.note(FIRST_ID, SLOW_MS, 0, false, undefined)
  assert.ok(looks > 10 && looks < 100, `${looks} looks`)
})

test('where the last look had to stop, also when another process was at it meanwhile', () => {
  const start = open()
  start.note(start.next(), SLOW_MS, 0, true, OLD_ID)
  assert.is(start.next(), OLD_ID)
  start.note(OLD_ID, 1, 0, true, undefined)
  assert.is(start.next(), OLD_ID)
  start.note(OLD_ID, 1, 10, false, OLD_ID)
  assert.ok(youngId(start.next()))
})

test.run()
