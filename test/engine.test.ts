import * as assert from 'uvu/assert'
import { EventChannel } from '../src/index.js'
import { rejects, throws } from './support/errors.js'
import { silent } from './support/logger.js'
import { mapEngine } from './support/map-engine.js'
import { suite } from './support/suite.js'
import { eventually, within } from './support/wait.js'
import { SOON_MS, Taker } from './support/world.js'

/* The facade over an engine that is none of ours: all that it needs is what `engine.ts` asks for. */

const test = suite('an engine over a Map')
const open = () => EventChannel.open(mapEngine(), { logger: silent, retentionMs: 0 })

test('it carries events in order, alone and in bulk, to loops', async () => {
  await using channel = await open()
  assert.equal([channel.engine, channel.backend], ['map', 'queue'])
  for (let i = 0; i < 3; i++) await channel.publish('orders', { i }, { metadata: { tenant: 'acme' } })
  await channel.publishMany([3, 4].map((i) => ({ channel: 'orders', payload: { i } })))
  assert.is((await channel.stats('orders'))[0]?.ready, 5)
  const taker = new Taker(channel, 'orders')
  const events = await taker.takeMany(5)
  assert.equal(
    events.map(({ payload, attempts }) => [payload, attempts]),
    [0, 1, 2, 3, 4].map((i) => [{ i }, 1]),
  )
  assert.equal(events[0]?.metadata, { tenant: 'acme' })
  for (const event of events) assert.is(await event.ack(), true)
  assert.is(channel.telemetry.snapshot()['events.ack'], 5)
})

test('what a handler threw at comes again; what was left unsettled goes back at closing', async () => {
  const source = mapEngine()
  const channel = await EventChannel.open(source, { logger: silent })
  const seen: number[] = []
  const listener = channel.listen(
    'orders',
    ({ attempts }) => {
      seen.push(attempts)
      if (attempts < 3) throw new Error('not yet')
    },
    { backoff: { minMs: 1, maxMs: 1 } },
  )
  await within(SOON_MS, listener.ready, 'the listener')
  await channel.publish('orders', 1)
  await eventually(SOON_MS, () => seen.length === 3)
  await channel.publish('left', 1)
  await new Taker(channel, 'left').take()
  await channel.close({ drainMs: 0 })
  const another = await EventChannel.open(source, { logger: silent })
  const again = await new Taker(another, 'left').take()
  assert.equal([again.attempts, await again.ack()], [1, true])
  await another.close()
  assert.equal(seen, [1, 2, 3])
})

test('it answers health, and what is closed says so', async () => {
  const channel = await open()
  const { ok, engine } = await channel.health()
  assert.equal([ok, engine], [true, 'map'])
  await channel.close()
  await rejects(channel.publish('orders', 1), 'CLOSED', /closed/)
  assert.is((await channel.health()).ok, false)
})

test('what it cannot do is refused by name', async () => {
  await using channel = await open()
  for (const options of [{ delayMs: 5 }, { priority: 1 }, { key: 'k' }, { maxAttempts: 2 }]) {
    const [option = ''] = Object.keys(options)
    await rejects(channel.publish('orders', 1, options), 'UNSUPPORTED', new RegExp(option))
  }
  throws(() => channel.subscribe('orders', { from: 'earliest' }), 'UNSUPPORTED', /from/)
  throws(() => channel.publishSync('orders', 1), 'UNSUPPORTED', /publishSync/)
  await rejects(channel.deadLetters.list(), 'UNSUPPORTED', /sets nothing aside/)
  await rejects(channel.groups.list(), 'UNSUPPORTED', /has no groups/)
  assert.equal(await channel.stats(), [])
})

test.run()
