import { randomBytes } from 'node:crypto'
import * as assert from 'uvu/assert'
import { database, fresh, serverUrl } from './support/databases.js'
import { rejects } from './support/errors.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'
import { SOON_MS, Taker, World } from './support/world.js'

const test = suite('databases of Postgres that are not in UTF8')
const db = database('postgres')
const TEXT = 'déjà 日本 😀 \u0000 \ud800 "quoted" \\ end'
/** What each cannot hold. */
const ENCODINGS = { LATIN1: '日本', EUC_JP: '😀', WIN1251: 'é', SQL_ASCII: undefined } as const

/** A database of the test's own. */
async function inEncoding(encoding: string, options = {}) {
  await using server = await db.place()
  const name = `rowcast_enc_${randomBytes(6).toString('hex')}`
  await server.sql(`create database ${name} encoding '${encoding}' template template0 lc_collate 'C' lc_ctype 'C'`)
  const url = new URL(serverUrl('postgres'))
  url.pathname = `/${name}`
  const world = await World.open(fresh({ ...db, place: () => db.place(url.href) }), options)
  return {
    ...world,
    channel: world.channel,
    place: world.place,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await using admin = await db.place()
      await admin.sql(`drop database ${name} with (force)`)
    },
  }
}

for (const [encoding, foreign] of Object.entries(ENCODINGS)) {
  test(`${encoding}: payloads and metadata of every script arrive as they were, errors kill no nack`, async () => {
    await using world = await inEncoding(encoding, { backend: 'queue', maxAttempts: 2 })
    const { channel } = world
    const metadata = { text: TEXT }
    await channel.publish('one', { text: TEXT })
    await channel.publish('one', TEXT, { metadata, key: 'k' })
    await channel.publishMany([
      { channel: 'one', payload: [TEXT], metadata },
      { channel: 'one', payload: TEXT, metadata, delayMs: 1 },
    ])
    const taker = new Taker(channel, 'one', { pollIntervalMs: 50 })
    const events = await taker.takeMany(4)
    const texts = events.map(({ payload }) => JSON.stringify(payload)).sort()
    assert.equal(texts, [{ text: TEXT }, TEXT, [TEXT], TEXT].map((payload) => JSON.stringify(payload)).sort())
    assert.equal(
      events.map((event) => event.metadata).filter(({ text }) => text !== undefined),
      [metadata, metadata, metadata],
    )
    for (const event of events) assert.is(await event.ack(), true)
    await taker.leave()
    channel.listen(
      'dies',
      () => {
        throw new Error(`pas trouvé ${foreign ?? ''} ${TEXT}`)
      },
      { backoff: () => 10, pollIntervalMs: 50 },
    )
    await channel.publish('dies', 1)
    await eventually(SOON_MS, async () => (await channel.deadLetters.list()).length === 1)
    const [dead] = await channel.deadLetters.list()
    assert.match(
      String(dead?.error),
      encoding === 'SQL_ASCII' ? /pas trouvé.*日本/ : /pas trouv\\u00e9.*\\u65e5\\u672c/,
    )
    if (foreign === undefined) return
    await rejects(channel.publish(foreign, 1), 'PAYLOAD', /the encoding of this database cannot hold it/)
    await rejects(channel.publish('one', 1, { key: foreign }), 'PAYLOAD', /use a database in UTF8/)
  })

  test(`${encoding}: a log and its groups carry every script, and notify what the encoding holds`, async () => {
    await using world = await inEncoding(encoding, { backend: 'log' })
    const seen: unknown[] = []
    world.channel.listen('news', ({ payload }) => void seen.push(payload), { group: 'g', from: 'earliest' })
    await world.channel.publish('news', TEXT, { metadata: { text: TEXT } })
    await world.channel.publishMany(Array.from({ length: 300 }, () => ({ channel: 'news', payload: TEXT })))
    await eventually(SOON_MS, () => seen.length === 301)
    assert.equal([...new Set(seen)], [TEXT])
    await using notify = await World.open(fresh({ ...db, place: () => db.place(world.place.url) }), {
      backend: 'notify',
    })
    const taker = new Taker(notify.channel, 'news')
    await taker.subscription.ready
    await notify.channel.publish('news', 'plain')
    assert.is((await taker.take()).payload, 'plain')
    if (foreign !== undefined) await rejects(notify.channel.publish('news', foreign), 'PAYLOAD', /cannot hold it/)
    await notify.channel.publish('news', 'usable')
    assert.is((await taker.take()).payload, 'usable')
  })
}

test.run()
