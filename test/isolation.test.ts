import Database from 'better-sqlite3'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { topicOf } from '../src/engines/sql/flow/topics.js'
import { mysql } from '../src/engines/sql/mysql.js'
import { postgres } from '../src/engines/sql/postgres.js'
import { sqlite } from '../src/engines/sql/sqlite.js'
import { type EngineSource, EventChannel } from '../src/index.js'
import { DATABASES, database, type Place } from './support/databases.js'
import { silent } from './support/logger.js'
import { Neighbours } from './support/neighbours.js'
import { suite } from './support/suite.js'
import { Taker } from './support/world.js'

/** Endings of schemas or prefixes that something might take for one another: a pattern, a fold, a sum with a table. */
const PAIRS: readonly (readonly [string, string])[] = [
  ['_', '_2_'],
  ['_', '_dead_'],
  ['a_', 'ab'],
  ['a%', 'ab'],
  ['é', 'e\u0301'],
  ['é', 'e'],
  ["'", "''"],
  ['"', '""'],
  ['`', '``'],
  ['\\', '\\\\'],
  ['.', ':'],
]

/** The same work in two places at once; neither may notice the other. */
async function liveApart(left: EventChannel, right: EventChannel): Promise<void> {
  const leftTaker = new Taker(left, 'orders')
  const rightTaker = new Taker(right, 'orders')
  const id = await left.publish('orders', 'left', { key: 'same' })
  const other = await right.publish('orders', 'right', { key: 'same' })
  assert.is.not(id, other)
  await left.publish('orders', 'later', { delayMs: 60_000 })

  const event = await leftTaker.take()
  assert.equal([event.id, event.payload], [id, 'left'])
  assert.is(await event.nack({ error: 'no' }), true)
  const { dead, scheduled, ready, leased } = (await left.stats('orders'))[0] ?? {}
  assert.equal({ dead, scheduled, ready, leased }, { dead: 1, scheduled: 1, ready: 0, leased: 0 })

  assert.equal(await right.deadLetters.list(), [])
  assert.is(await right.deadLetters.get(id), undefined)
  assert.equal([await right.deadLetters.retry(id), await right.deadLetters.discard(id, { reason: 'x' })], [0, 0])
  const theirs = await rightTaker.take()
  assert.equal([theirs.id, theirs.payload], [other, 'right'])
  assert.is(await theirs.ack(), true)
  assert.equal(await right.stats(), [])
  assert.is((await left.deadLetters.list()).length, 1)

  // What comes next in each place is the place's own.
  await left.publish('orders', 'left again')
  await right.publish('orders', 'right again')
  assert.equal([(await leftTaker.take()).payload, (await rightTaker.take()).payload], ['left again', 'right again'])
  await leftTaker.leave()
  await rightTaker.leave()
}

for (const database of DATABASES) {
  const test = suite(`two channels in one ${database.name} database`)

  for (const pair of PAIRS) {
    test(`${JSON.stringify(pair[0])} and ${JSON.stringify(pair[1])} do not meet`, async () => {
      await using neighbours = await Neighbours.open(database)
      const [left, right] = pair.map((ending) => neighbours.unique(ending))
      await liveApart(
        await neighbours.channel(left ?? '', { maxAttempts: 1 }),
        await neighbours.channel(right ?? '', { maxAttempts: 1 }),
      )
      await neighbours.breathe()
    })
  }

  test('they do not meet over one pool either, whose sessions they share', async () => {
    await using neighbours = await Neighbours.open(database)
    const { source, end } = poolOf(neighbours.place, database.family)
    const open = (ending: string) =>
      EventChannel.open(source, {
        backend: 'queue',
        logger: silent,
        maxAttempts: 1,
        ...neighbours.at(neighbours.unique(ending)),
      })
    const [left, right] = [await open('l'), await open('r')]
    try {
      await liveApart(left, right)
    } finally {
      await Promise.all([left.close({ drainMs: 0 }), right.close({ drainMs: 0 })])
      await end()
    }
  })

  test.run()
}

/** A user's own pool, as small as may be. */
function poolOf(place: Place, family: (typeof DATABASES)[number]['family']): { source: EngineSource; end(): unknown } {
  if (family === 'postgres') {
    const pool = new pg.Pool({ connectionString: place.url, max: 2 })
    return { source: postgres({ pool }), end: () => pool.end() }
  }
  if (family === 'mysql') {
    const pool = createPool({ uri: place.url, connectionLimit: 2 })
    return { source: mysql({ pool }), end: () => pool.end() }
  }
  const file = new Database(place.url.slice('sqlite:'.length))
  return { source: sqlite({ database: file }), end: () => file.close() }
}

const test = suite('wake-ups')

test('every schema, purpose and channel has a topic of its own that Postgres can carry', () => {
  const parts = [
    'a',
    'A',
    'á',
    'a:',
    ':a',
    'a:queue',
    'queue:a',
    'notify:queue',
    'a'.repeat(62),
    'á'.repeat(31),
    ':',
    "'",
  ]
  const schemas = [...parts, 'rowcast']
  const channels = [...parts, 'a'.repeat(63), 'a'.repeat(64), 'a'.repeat(255)]
  const topics = schemas.flatMap((schema) =>
    (['notify', 'queue'] as const).flatMap((purpose) => channels.map((channel) => topicOf(schema, purpose, channel))),
  )
  assert.is(new Set(topics).size, schemas.length * 2 * channels.length)
  assert.ok(topics.every((topic) => Buffer.byteLength(topic) <= 63))
})

test('what is published in one schema wakes nobody in another', async () => {
  await using neighbours = await Neighbours.open(database('postgres'))
  const pool = new pg.Pool({ connectionString: neighbours.place.url })
  const asked: string[] = []
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...parameters: unknown[]) => unknown
    Object.assign(client, {
      query(...parameters: unknown[]) {
        asked.push((parameters[0] as { text: string }).text)
        return query(...parameters)
      },
    })
  })
  const left = await neighbours.channel(neighbours.unique('a'))
  const patient = { backend: 'queue', logger: silent, pollIntervalMs: 60_000 } as const
  await using right = await EventChannel.open(postgres({ pool }), {
    ...patient,
    ...neighbours.at(neighbours.unique('b')),
  })
  const [leftTaker, rightTaker] = [new Taker(left, 'orders'), new Taker(right, 'orders')]
  await right.publish('orders', 'warm')
  await (await rightTaker.take()).ack()
  const before = claimsIn(asked)
  const waiting = rightTaker.take()
  for (let i = 0; i < 20; i++) {
    await left.publish('orders', i)
    await (await leftTaker.take()).ack()
  }
  // Notifications come in the order of their commits: when this one is here, those before it would be.
  await right.publish('orders', 'end')
  assert.is((await waiting).payload, 'end')
  assert.ok(before >= 2, `claimed ${before} times: is it counted at all?`)
  assert.ok(claimsIn(asked) - before <= 5, `claimed ${claimsIn(asked) - before} times`)
  await right.close({ drainMs: 0 })
  await pool.end()
})

function claimsIn(asked: readonly string[]): number {
  return asked.filter((text) => text.includes('for update skip locked')).length
}

test.run()
