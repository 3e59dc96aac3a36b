import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { Alarm } from '../src/common/alarm.js'
import { retry } from '../src/common/retry.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'

const alarms = suite('an alarm')

alarms('rings once, at the time that it was set to last', async () => {
  let rings = 0
  const alarm = new Alarm(() => rings++)
  alarm.set(60_000)
  alarm.set(5)
  assert.is(alarm.isSet, true)
  await eventually(1_000, () => rings === 1)
  await sleep(20)
  assert.equal([rings, alarm.isSet], [1, false])
})

alarms('that is cleared does not ring, and may be set again, by its own ring, too', async () => {
  let rings = 0
  const alarm: Alarm = new Alarm(() => {
    if (++rings < 3) alarm.set(1)
  })
  alarm.set(1)
  alarm.clear()
  await sleep(20)
  assert.equal([rings, alarm.isSet], [0, false])
  alarm.set(1)
  await eventually(1_000, () => rings === 3)
})

alarms('later than a timer reaches does not ring at once', async () => {
  let rings = 0
  const alarm = new Alarm(() => rings++)
  alarm.set(2 ** 40)
  await sleep(20)
  assert.equal([rings, alarm.isSet], [0, true])
  alarm.clear()
})

alarms.run()

const retries = suite('work that is tried again')

retries('is done until it succeeds, and told which attempt it is', async () => {
  const pauses: number[] = []
  const policy = { isWorthAnother: () => true, pauseMs: (attempt: number) => pauses.push(attempt) }
  const done = await retry(policy, async (attempt) => {
    if (attempt < 3) throw new Error('no')
    return attempt
  })
  assert.equal([done, pauses], [3, [1, 2]])
})

retries('rejects with the last error when it is not worth another attempt', async () => {
  const policy = { isWorthAnother: (_: unknown, attempt: number) => attempt < 2, pauseMs: () => 0 }
  let attempts = 0
  const working = retry(policy, async () => {
    throw new Error(`no ${++attempts}`)
  })
  assert.is(await working.catch((error: Error) => error.message), 'no 2')
})

retries('waits no longer than its signal lets it', async () => {
  const stop = new AbortController()
  const policy = {
    isWorthAnother: () => !stop.signal.aborted,
    pauseMs: () => 60_000,
    signal: stop.signal,
  }
  setTimeout(() => stop.abort(), 5)
  const startedMs = performance.now()
  await retry(policy, () => Promise.reject(new Error('no'))).catch(() => undefined)
  assert.ok(performance.now() - startedMs < 30_000)
})

retries.run()
