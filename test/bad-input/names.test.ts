import * as assert from 'uvu/assert'
import { ConfigurationError } from '../../src/index.js'
import { rejects, throws } from '../support/errors.js'
import { assertUnharmed, SETTINGS, stored } from '../support/settings.js'
import { suite } from '../support/suite.js'
import { Taker } from '../support/world.js'

const REFUSED: readonly (readonly [unknown, RegExp])[] = [
  ['', /channel "" is empty: give it a name/],
  ['x'.repeat(1_000), /channel "x{40}…" is longer than 255 bytes of UTF-8: shorten it/],
  ['é'.repeat(128), /longer than 255 bytes/],
  ['a\u0000b', /holds a control character: remove it/],
  ['a\nb', /holds a control character/],
  ['\ud800', /holds a lone surrogate/],
  [' orders', /starts or ends with white space: trim it/],
  ['orders\u00a0', /starts or ends with white space/],
  [undefined, /channel \(undefined\) is not a string: pass its name/],
  [null, /is not a string/],
  [5, /channel \(number\) is not a string/],
  [{ toString: () => 'orders' }, /is not a string/],
]

const HOSTILE = [
  "orders'; drop table rowcast_queue; --",
  '"orders"',
  '`orders`',
  'orders\\',
  '%_',
  ':name',
  '$1',
  '?',
  '{"a":1}',
  'constructor',
  '__proto__',
  'toString',
  'Straße – 注文 – \u{1f4e6}',
  'é', // one code point
  'e\u0301', // two: another name
  'Orders',
  'orders',
  'x'.repeat(255),
]

for (const setting of SETTINGS) {
  const test = suite(`channel names, ${setting.name}`)

  test('names that cannot be are refused everywhere, and nothing is stored', async () => {
    await using world = await setting.open()
    const { channel } = world
    for (const [name, message] of REFUSED) {
      const error = await rejects(channel.publish(name as string, 1), 'CONFIGURATION', message)
      assert.instance(error, ConfigurationError)
      const many = [
        { channel: 'orders', payload: 1 },
        { channel: name as string, payload: 2 },
      ]
      await rejects(channel.publishMany(many), 'CONFIGURATION', message)
      throws(() => channel.subscribe(name as string), 'CONFIGURATION', message)
      throws(() => channel.subscribe(['orders', name as string]), 'CONFIGURATION', message)
      throws(() => channel.listen(name as string, () => undefined), 'CONFIGURATION', message)
      if (name !== undefined) await rejects(channel.stats(name as string), 'CONFIGURATION', message)
    }
    throws(() => channel.subscribe([]), 'CONFIGURATION', /channels is empty/)
    assert.is(channel.telemetry.snapshot()['events.subscriptions'], 0)
    await assertUnharmed(world)
  })

  test('names that look like something else are only names, each its own', async () => {
    await using world = await setting.open({ schemas: {} })
    const { channel } = world
    const takers = HOSTILE.map((name) => new Taker(channel, name))
    await Promise.all(takers.map(({ subscription }) => subscription.ready))
    for (const name of HOSTILE) await channel.publish(name, name)
    for (const [index, taker] of takers.entries()) {
      const event = await taker.take()
      assert.equal([event.channel, event.payload], [HOSTILE[index], HOSTILE[index]])
      assert.is(await event.ack(), true)
    }
    assert.equal(await stored(world), setting.backend === 'queue' ? { history: HOSTILE.length } : {})
  })

  test('keys that look like something else are only keys', async () => {
    if (setting.backend === 'notify') return
    await using world = await setting.open()
    const ids = new Set<string>()
    for (const key of HOSTILE) ids.add(await world.channel.publish('orders', key, { key }))
    assert.is(ids.size, HOSTILE.length)
    for (const key of HOSTILE) ids.add(await world.channel.publish('orders', key, { key }))
    assert.is(ids.size, HOSTILE.length)
  })

  test.run()
}
