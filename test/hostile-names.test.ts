import * as assert from 'uvu/assert'
import { ConfigurationError, EventChannel, type Schemas } from '../src/index.js'
import { DATABASES } from './support/databases.js'
import { rejects } from './support/errors.js'
import { silent } from './support/logger.js'
import { Neighbours } from './support/neighbours.js'
import { suite } from './support/suite.js'
import { Taker } from './support/world.js'

/** Names with which something might break out of quotes, be taken for a pattern, a parameter, a path, or for another. */
const harsh = (canary: string): readonly string[] => [
  "it's",
  'dou"ble',
  'back`tick',
  'back\\slash',
  'semi;colon',
  `'; drop table ${canary}; --`,
  `"; drop table ${canary}; --`,
  `\`; drop table ${canary}; --`,
  `') or 1=1; --`,
  '%',
  '_%_',
  '$1 $$ $&',
  ':id ?',
  '%s {} [0]',
  '-- /* */',
  'select',
  'null',
  'a.b',
  '../../x',
  '#sql',
  'CAPS',
  'two words',
  'тема',
  '日本語',
  'e\u0301',
  '\u202ertl\u200b',
  '__proto__',
  'constructor',
]

/** Longest that making the tables for every name may take, in milliseconds: some thirty times all of them. */
const MANY_TABLES_MS = 90_000

/** Names that mean nothing to any database. */
const VOID = ['', '\0', 'a\0b', 'a\nb', '\u007f', '\ud800', 'x'.repeat(1_000), 5, null, {}] as const

for (const database of DATABASES) {
  const test = suite(`hostile names on ${database.name}`)
  const option = database.name === 'postgres' ? 'schema' : 'tablePrefix'

  test(
    `a ${option} may be named as one likes`,
    async () => {
      await using neighbours = await Neighbours.open(database)
      for (const name of [...harsh(neighbours.canary), 'x'.repeat(32)]) {
        const channel = await neighbours.channel(name)
        const id = await channel.publish('orders', name, { key: 'k' })
        assert.is(await channel.publish('orders', name, { key: 'k' }), id)
        const event = await new Taker(channel, 'orders').take()
        assert.equal([event.id, event.payload], [id, name])
        assert.is(await event.ack(), true, name)
        assert.equal(await channel.stats(), [])
        await channel.close()
        const careful = await neighbours.channel(name, { autoMigrate: false })
        await careful.close()
        await neighbours.breathe()
      }
    },
    MANY_TABLES_MS,
  )

  test(`a ${option} that cannot be is refused before anything is done`, async () => {
    await using neighbours = await Neighbours.open(database)
    const impossible = {
      schema: ['pg_mine', 'x'.repeat(64)],
      tablePrefix: ['sqlite_a', '#mysql50#a', '😀', 'x'.repeat(33)],
    }
    for (const name of [...VOID, ...impossible[option]]) {
      const opening = EventChannel.open(neighbours.place.url, { backend: 'queue', logger: silent, [option]: name })
      assert.instance(await rejects(opening, 'CONFIGURATION', new RegExp(`: ${option} must `)), ConfigurationError)
    }
  })

  test('channels, keys, reasons and a service may be named as one likes', async () => {
    await using neighbours = await Neighbours.open(database)
    const names = [
      ...harsh(neighbours.canary),
      '😀',
      'x'.repeat(63),
      'x'.repeat(64),
      'x'.repeat(255),
      `${'é'.repeat(127)}x`,
    ]
    const serviceName = `'; drop table ${neighbours.canary}; --"\\`
    const channel = await neighbours.channel(neighbours.unique('n'), { maxAttempts: 1, serviceName })
    const events = names.map((name) => ({ channel: name, payload: name, key: name, metadata: { [name]: name } }))
    const ids = await channel.publishMany(events)
    for (const [index, name] of names.entries()) {
      assert.is(await channel.publish(name, 'again', { key: name }), ids[index], name)
    }
    const stats = await channel.stats()
    assert.equal(stats.map((each) => each.channel).sort(), [...names].sort())

    const taken = await new Taker(channel, names, { prefetch: 1 }).takeMany(names.length)
    assert.equal(
      new Map(taken.map((event) => [event.channel, event.payload])),
      new Map(names.map((name) => [name, name])),
    )
    for (const event of taken) {
      assert.is(event.metadata[event.channel], event.channel)
      assert.is(await event.nack({ error: event.channel }), true)
    }
    for (const [index, name] of names.entries()) {
      const letters = await channel.deadLetters.list({ channel: name })
      assert.equal(
        letters.map(({ id, key, error }) => [id, key, error]),
        [[ids[index], name, name]],
      )
      assert.is(await channel.deadLetters.discard({ channel: name }, { reason: name }), 1, name)
    }
    assert.equal(await channel.stats(), [])
    await neighbours.breathe()
  })

  test('channels and keys that look alike are told apart', async () => {
    await using neighbours = await Neighbours.open(database)
    const channel = await neighbours.channel(neighbours.unique('l'))
    const names = ['a', 'A', 'á', 'a\u0301', 'ａ', 'а', 'aa', 'a_', 'a%', 'ss', 'ß', 'i', 'I', 'ı', '1', '01', '1.0']
    const ids = await channel.publishMany(names.map((name) => ({ channel: name, payload: name })))
    const keyed = await channel.publishMany(names.map((name) => ({ channel: 'keys', payload: name, key: name })))
    assert.is(new Set([...ids, ...keyed]).size, 2 * names.length)
    for (const name of names) {
      const [stats] = await channel.stats(name)
      assert.equal([stats?.channel, stats?.ready], [name, 1])
      const event = await new Taker(channel, name).take()
      assert.equal([event.channel, event.payload], [name, name])
      await event.ack()
    }
    assert.is((await channel.stats('keys'))[0]?.ready, names.length)
  })

  test('a channel or a key that cannot be is refused, wherever it is given', async () => {
    await using neighbours = await Neighbours.open(database)
    const channel = await neighbours.channel(neighbours.unique('r'))
    for (const name of [...VOID, ' lead', 'trail\u3000', 'x'.repeat(256), `${'é'.repeat(128)}`]) {
      const given = name as string
      const refusals: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['publish', () => channel.publish(given, 1)],
        [
          'publishMany',
          () =>
            channel.publishMany([
              { channel: 'orders', payload: 1 },
              { channel: given, payload: 2 },
            ]),
        ],
        ['key', () => channel.publish('orders', 1, { key: given })],
        ['subscribe', async () => channel.subscribe(given)],
        ['listen', async () => channel.listen(['orders', given], () => undefined)],
        ['stats', () => channel.stats(given)],
        ['list', () => channel.deadLetters.list({ channel: given })],
        ['retry', () => channel.deadLetters.retry({ channel: given })],
        ['discard', () => channel.deadLetters.discard({ channel: given }, { reason: 'x' })],
      ]
      for (const [where, refuse] of refusals) {
        const outcome = await refuse().then(
          () => 'accepted',
          (error: unknown) => (error instanceof ConfigurationError ? 'refused' : String(error)),
        )
        assert.is(outcome, 'refused', `${where} ${JSON.stringify(name)}`)
      }
    }
    assert.equal(await channel.stats(), [])
  })

  test.run()
}

const test = suite('hostile names')

test('a channel named like a member of every object is not taken to have a schema', async () => {
  const payloads = { '~standard': { version: 1 as const, vendor: 'test', validate: (value: unknown) => ({ value }) } }
  const names = ['orders', 'constructor', 'toString', '__proto__']
  await using channel: EventChannel<Record<string, unknown>> = await EventChannel.open('sqlite::memory:', {
    logger: silent,
    schemas: { orders: payloads } as Schemas,
  })
  for (const name of names) {
    await channel.publish(name, name)
    assert.is((await new Taker(channel, name).take()).payload, name)
  }
})

test.run()
