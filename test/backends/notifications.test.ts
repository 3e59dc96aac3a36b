import pg from 'pg'
import * as assert from 'uvu/assert'
import { topicOf } from '../../src/engines/sql/flow/topics.js'
import { envelopesOf, Notifications } from '../../src/engines/sql/notify/notifications.js'
import { database } from '../support/databases.js'
import { pick, seeded } from '../support/random.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

const test = suite('notifications of many events')
const MAX_BYTES = 7_999

test('hold what goes to one topic in a row, in order, up to their limit', () => {
  const random = seeded(7)
  const sent = Array.from({ length: 2_000 }, (_, i) => ({
    topic: pick(random, ['a', 'a', 'a', 'b']),
    envelope: `{"i":${i},"p":"${pick(random, ['x', 'é', '😀']).repeat(Math.floor(random() * (i % 50 === 0 ? 1_900 : 60)))}"}`,
  }))
  const notifications = new Notifications()
  for (const { topic, envelope: text } of sent) {
    notifications.add(topic, { text, bytes: Buffer.byteLength(text), isSpilled: false })
  }
  const { topics, notifications: joined } = notifications.sending.parameters
  const [names, texts] = [String(topics).split('\n'), String(joined).split('\x1e')]
  assert.is(names.length, texts.length)
  assert.equal(
    texts.flatMap((text, i) => envelopesOf(text).map((envelope) => ({ topic: names[i], envelope }))),
    sent,
  )
  for (const [i, text] of texts.entries()) {
    assert.ok(Buffer.byteLength(text) <= MAX_BYTES, `${Buffer.byteLength(text)} bytes`)
    // One more would have been too many.
    const [next = ''] = envelopesOf(texts[i + 1] ?? '')
    const fits = Buffer.byteLength(text) + 1 + Buffer.byteLength(next) <= MAX_BYTES
    assert.not(names[i] === names[i + 1] && fits, 'two where one was enough')
  }
})

test('are few, and everything in them arrives in order, whatever channels and sizes alternate', async () => {
  await using world = await World.open(database('postgres'), { backend: 'notify' })
  const taker = new Taker(await world.another(), ['orders', 'refunds'])
  await taker.subscription.ready
  await using client = await listenTo(world, 'orders')
  const text = (i: number) => 'x'.repeat(i % 100 === 50 ? 9_000 : 70)
  const events = Array.from({ length: 1_000 }, (_, i) => ({
    channel: i >= 400 && i < 410 ? 'refunds' : 'orders',
    payload: { i, text: text(i) },
  }))
  await world.channel.publishMany(events)
  const arrived = await taker.takeMany(events.length)
  assert.equal(
    arrived.map(({ channel, payload }) => ({ channel, payload })),
    events,
  )
  await eventually(SOON_MS, () => client.envelopes === 990)
  assert.ok(client.notifications < 40, `${client.notifications} notifications`)
})

/** What a bare connection hears of a channel. */
async function listenTo(world: World, channel: string) {
  const client = new pg.Client({ connectionString: world.place.url })
  const heard = { notifications: 0, envelopes: 0, [Symbol.asyncDispose]: () => client.end() }
  client.on('notification', ({ payload = '' }) => {
    heard.notifications++
    heard.envelopes += envelopesOf(payload).length
  })
  await client.connect()
  await client.query(`listen "${topicOf(String(world.place.options.schema), 'notify', channel)}"`)
  return heard
}

test.run()
