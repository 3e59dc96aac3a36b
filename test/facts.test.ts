import { channel as diagnostics } from 'node:diagnostics_channel'
import * as assert from 'uvu/assert'
import { defer } from '../src/common/wait.js'
import type { BackendName, ChannelOptions, TelemetryFact, TelemetryMessage, TelemetryReader } from '../src/index.js'
import { DATABASES } from './support/databases.js'
import { assertCounted } from './support/facts.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'
import { SOON_MS, Taker, World } from './support/world.js'

const CHANNELS = ['publish', 'process', 'settle'] as const

/** Subscribes to the three diagnostics channels, for the facts of one object. */
function hear(telemetry: TelemetryReader) {
  const heard: Record<(typeof CHANNELS)[number], TelemetryFact[]> = { publish: [], process: [], settle: [] }
  const subscribed = CHANNELS.map((name) => {
    const onMessage = (message: unknown) => {
      const { fact, telemetry: of } = message as TelemetryMessage
      if (of === telemetry) heard[name].push(fact)
    }
    diagnostics(`rowcast:${name}`).subscribe(onMessage)
    return () => diagnostics(`rowcast:${name}`).unsubscribe(onMessage)
  })
  return { heard, [Symbol.dispose]: () => void subscribed.map((end) => end()) }
}

const followed = ({ channel }: World) => {
  const facts: TelemetryFact[] = []
  channel.telemetry.on((fact) => void facts.push(fact))
  return facts
}

const isTime = (ms: number, atMostMs = SOON_MS) => ms >= 0 && ms < atMostMs

for (const database of DATABASES.filter(({ name }) => name === 'sqlite' || name === 'postgres')) {
  const test = suite(`facts on ${database.name}`)
  const open = (backend: BackendName, options: ChannelOptions = {}) => World.open(database, { backend, ...options })
  const backends: readonly (readonly [BackendName, string | null])[] = [
    ['queue', null],
    ['log', 'billing'],
    ['log', null],
    ...(database.name === 'postgres' ? ([['notify', null]] as const) : []),
  ]

  for (const [backend, group] of backends) {
    const where = group === null ? backend : 'log with a group'

    test(`${where}: published, delivered, handled and settled name the event and say how long it took`, async () => {
      await using world = await open(backend)
      const { channel } = world
      using listening = hear(channel.telemetry)
      const facts = followed(world)
      const gate = defer<void>()
      const listener = channel.listen('orders', () => gate.promise, group === null ? {} : { group })
      await listener.ready
      const id = await channel.publish('orders', 1)
      const has = (type: TelemetryFact['type']) => facts.some((fact) => fact.type === type)
      await eventually(SOON_MS, () => has('delivered'))
      const startedMs = performance.now()
      await eventually(SOON_MS, () => performance.now() - startedMs > 60)
      gate.resolve()
      await eventually(SOON_MS, () => has('settled'))

      const { heard } = listening
      const [published] = heard.publish.filter((fact) => fact.type === 'published')
      assert.equal(published, { ...published, type: 'published', eventId: id, channel: 'orders' })
      assert.ok(published && isTime(published.durationMs))
      const [delivered, handled, ...more] = heard.process
      const of = { eventId: id, channel: 'orders', attempt: 1, group }
      assert.ok(delivered?.type === 'delivered' && handled?.type === 'handled' && more.length === 0)
      assert.equal(delivered, { type: 'delivered', ...of, waitMs: delivered.waitMs })
      assert.ok(isTime(delivered.waitMs))
      assert.equal(handled, { type: 'handled', ...of, durationMs: handled.durationMs, error: null })
      assert.ok(isTime(handled.durationMs) && handled.durationMs > 50, `${handled.durationMs} ms`)
      assert.equal(heard.settle, [{ type: 'settled', how: 'ack', ...of }])
      const native = heard.publish.filter((fact) => fact.type === 'notified')
      assert.equal(native, backend === 'notify' ? [{ type: 'notified', eventId: id, channel: 'orders' }] : [])
      // An observer hears the same, and what concerns the whole object.
      const ofEvents = facts.filter((fact) => 'eventId' in fact)
      assert.is(ofEvents.length, heard.publish.length + heard.process.length + heard.settle.length)
      assert.ok(has('listenerStarted'))
    })
  }

  for (const [backend, group] of backends.slice(0, 2)) {
    test(`${backend}: a failure tells the error, each attempt, its wait, and the dead letter`, async () => {
      await using world = await open(backend, { maxAttempts: 2 })
      const { channel } = world
      const facts = followed(world)
      const failure = new Error('no address')
      const options = { backoff: () => 120, ...(group !== null && { group }) }
      const fail = () => {
        throw failure
      }
      await channel.listen('orders', fail, options).ready
      const eventId = await channel.publish('orders', 1)
      const settled = () => facts.filter((fact) => fact.type === 'settled')
      await eventually(SOON_MS, () => settled().length === 3)
      const of = { eventId, channel: 'orders', group }
      assert.equal(settled(), [
        { type: 'settled', how: 'nack', ...of, attempt: 1 },
        { type: 'settled', how: 'dead', ...of, attempt: 2 },
        { type: 'settled', how: 'nack', ...of, attempt: 2 },
      ])
      const handled = facts.filter((fact) => fact.type === 'handled')
      assert.equal(
        handled.map((fact) => [fact.attempt, fact.error?.value === failure]),
        [
          [1, true],
          [2, true],
        ],
      )
      // The second attempt has waited since the end of its delay, which is not in it.
      const waits = facts.filter((fact) => fact.type === 'delivered').map(({ waitMs }) => waitMs)
      assert.ok(waits.length === 2 && waits.every((waitMs) => isTime(waitMs)), String(waits))
    })
  }

  test('an event that was left lying has waited since it was stored', async () => {
    await using world = await open('queue')
    const facts = followed(world)
    await world.channel.publish('orders', 1)
    const publishedMs = performance.now()
    await eventually(SOON_MS, () => performance.now() - publishedMs > 150)
    await (await new Taker(world.channel, 'orders').take()).ack()
    const [delivered] = facts.filter((fact) => fact.type === 'delivered')
    assert.ok(delivered && delivered.waitMs > 100 && isTime(delivered.waitMs), `${delivered?.waitMs} ms`)
  })

  test('counters are the sum of facts: acks by the hundred, nacks, a dead letter, a lost lease', async () => {
    await using world = await open('queue', { maxAttempts: 2 })
    const { channel, place } = world
    const facts = followed(world)
    const events = Array.from({ length: 300 }, (_, payload) => ({ channel: 'orders', payload }))
    const ids = await channel.publishMany(events)
    const taker = new Taker(channel, 'orders')
    const [nacked, dead, lost, ...others] = await taker.takeMany(300)
    await nacked?.nack()
    await dead?.nack({ delayMs: 0 })
    const again = await taker.takeMany(2)
    await again.find(({ id }) => id === dead?.id)?.nack()
    await again.find(({ id }) => id === nacked?.id)?.ack()
    const other = '01890000-0000-4000-8000-000000000000'
    await place.sql(`update ${place.table('queue')} set lease_token = '${other}' where id = '${lost?.id}'`)
    await Promise.all([...others, ...(lost ? [lost] : [])].map((event) => event.ack()))

    const snapshot = channel.telemetry.snapshot()
    assertCounted(facts, snapshot)
    const { 'events.ack': acks, 'events.nack': nacks, 'events.dead': deaths, 'events.lease.lost': losses } = snapshot
    assert.equal([acks, nacks, deaths, losses], [298, 3, 1, 1])
    const acked = facts.flatMap((fact) => (fact.type === 'settled' && fact.how === 'ack' ? [fact.eventId] : []))
    assert.equal(acked.sort(), ids.filter((id) => id !== dead?.id && id !== lost?.id).sort())
    const of = (how: string) => facts.filter((fact) => fact.type === 'settled' && fact.how === how)
    assert.equal(of('lost'), [
      { type: 'settled', how: 'lost', eventId: lost?.id, channel: 'orders', attempt: 1, group: null },
    ])
  })

  test('what a subscriber throws is the uncaught exception that Node makes of it, and decides nothing', async () => {
    await using world = await open('queue')
    const uncaught: unknown[] = []
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => void uncaught.push(error))
    const onMessage = () => {
      throw new Error('thrown by a subscriber')
    }
    for (const name of CHANNELS) diagnostics(`rowcast:${name}`).subscribe(onMessage)
    try {
      await world.channel.publish('orders', 1)
      assert.is(await (await new Taker(world.channel, 'orders').take()).ack(), true)
      await eventually(SOON_MS, () => uncaught.length === 3)
    } finally {
      for (const name of CHANNELS) diagnostics(`rowcast:${name}`).unsubscribe(onMessage)
      process.removeAllListeners('uncaughtException')
      for (const listener of before) process.on('uncaughtException', listener)
    }
    const { 'events.publish': published, 'events.ack': acked } = world.channel.telemetry.snapshot()
    assert.equal([published, acked], [1, 1])
  })

  test.run()
}
