import * as assert from 'uvu/assert'
import { ClosedError, RowcastError } from '../../src/index.js'
import { rejects, throws } from '../support/errors.js'
import { assertCarries, SETTINGS, stored } from '../support/settings.js'
import { suite } from '../support/suite.js'
import { Taker } from '../support/world.js'

const FOREIGN = '01890000-0000-7000-8000-000000000000'

for (const setting of SETTINGS) {
  const test = suite(`closed channels and foreign events, ${setting.name}`)

  test('after close every member says so, and nothing is stored', async () => {
    await using world = await setting.open()
    const channel = await world.another()
    const taker = new Taker(channel, 'orders')
    await taker.subscription.ready
    await channel.publish('orders', 1)
    const event = await taker.take()
    const listener = channel.listen('other', () => undefined)
    await listener.ready
    await channel.close({ drainMs: 0 })

    const before = await stored(world)
    const calls: readonly (() => Promise<unknown>)[] = [
      () => channel.publish('orders', 1),
      () => channel.publish('orders', undefined),
      () => channel.publishMany([{ channel: 'orders', payload: 1 }]),
      () => channel.publishMany([]),
      () => channel.ack(event),
      () => channel.ack(FOREIGN),
      () => channel.nack(event),
      () => event.ack(),
      () => event.nack(),
      () => event.extend(1_000),
      () => channel.stats(),
      () => channel.migrate(),
      () => channel.deadLetters.list(),
      () => channel.deadLetters.get(FOREIGN),
      () => channel.deadLetters.retry({ channel: 'orders' }),
      () => channel.deadLetters.discard(FOREIGN, { reason: 'test' }),
    ]
    for (const call of calls) assert.instance(await rejects(call(), 'CLOSED', /closed: open another one/), ClosedError)
    throws(() => channel.publishSync('orders', 1), 'CLOSED', /closed/)
    throws(() => channel.subscribe('orders'), 'CLOSED', /closed/)
    throws(() => channel.listen('orders', () => undefined), 'CLOSED', /closed/)
    assert.is(await channel.stopListener(listener.id), false)
    assert.ok(event.signal.aborted)
    const { ok, error } = await channel.health()
    assert.is(ok, false)
    assert.match(String(error), /closed/i)
    await channel.close()
    assert.equal(await stored(world), before)
    await assertCarries(world)
  })

  test('a closed subscription ends its loop and hands out nothing more', async () => {
    await using world = await setting.open()
    const subscription = world.channel.subscribe('orders')
    await subscription.close()
    await subscription.close()
    assert.equal(await subscription[Symbol.asyncIterator]().next(), { done: true, value: undefined })
    await assertCarries(world)
  })

  test('an event that is not in hand is refused by its id, and what is no event is a mistake', async () => {
    await using world = await setting.open()
    for (const settle of ['ack', 'nack'] as const) {
      const error = await rejects(
        world.channel[settle](FOREIGN),
        'NOT_HELD',
        /event 01890000-.* is not in this channel's hands/,
      )
      assert.instance(error, RowcastError)
      for (const nothing of [
        'orders',
        '',
        FOREIGN.toUpperCase().replace('7', 'A'),
        5,
        null,
        undefined,
        {},
        { id: FOREIGN },
      ]) {
        await rejects(
          world.channel[settle](nothing as never),
          'CONFIGURATION',
          /pass an event that this channel delivered, or its id/,
        )
      }
    }
    await assertCarries(world)
  })

  test('an event that another object holds cannot be settled by its id', async () => {
    await using world = await setting.open()
    const other = await world.another()
    const taker = new Taker(other, 'orders')
    await taker.subscription.ready
    await world.channel.publish('orders', 1)
    const event = await taker.take()
    await rejects(world.channel.ack(event.id), 'NOT_HELD', /not in this channel's hands/)
    assert.is(await other.ack(event.id), true)
    await rejects(other.ack(event.id), 'NOT_HELD', /settled already/)
  })

  test('an id that is not the one of a dead letter', async () => {
    await using world = await setting.open()
    const { deadLetters } = world.channel
    if (setting.backend === 'notify') {
      await rejects(deadLetters.list(), 'UNSUPPORTED', /sets nothing aside: open with backend: 'queue'/)
      return
    }
    assert.is(await deadLetters.get(FOREIGN), undefined)
    assert.is(await deadLetters.retry(FOREIGN), 0)
    assert.is(await deadLetters.discard(FOREIGN, { reason: 'test' }), 0)
    for (const id of ["'; drop table x", '', 5, null]) {
      await rejects(deadLetters.get(id as never), 'CONFIGURATION', /is not the id of an event/)
    }
    for (const which of [undefined, null, {}, { channel: 'a', limit: 1 }, { chanel: 'a' }, []]) {
      await rejects(deadLetters.retry(which as never), 'CONFIGURATION', /pass the id of an event or \{ channel \}/)
      await rejects(deadLetters.discard(which as never, { reason: 'x' }), 'CONFIGURATION', /pass the id/)
    }
    for (const options of [undefined, null, {}, { reason: '' }, { reason: 5 }, { why: 'x' }]) {
      await rejects(deadLetters.discard(FOREIGN, options as never), 'CONFIGURATION', /deadLetters\.discard: /)
    }
    for (const page of [
      { limit: 0 },
      { limit: 10_001 },
      { after: 'x' },
      { channel: 5 },
      { channel: '' },
      { chanel: 'a' },
      null,
    ]) {
      await rejects(deadLetters.list(page as never), 'CONFIGURATION', /deadLetters: |channel /)
    }
    await assertCarries(world)
  })

  test.run()
}
