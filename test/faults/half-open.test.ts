import * as assert from 'uvu/assert'
import { handled } from '../../src/common/wait.js'
import type { ChannelOptions, Gap } from '../../src/index.js'
import { Behind } from '../support/behind.js'
import { database, type TestDatabase } from '../support/databases.js'
import { silent } from '../support/logger.js'
import type { Sight } from '../support/proxy.js'
import { TcpProxy } from '../support/proxy.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine, within } from '../support/wait.js'
import { Taker, World } from '../support/world.js'

/*
 * Connections that go silent without an end, as when a firewall forgets them. Nothing but a time limit finds them, which
 * is half a minute for an answer; so the cases of one database wait for theirs together.
 */

const test = suite('half-open connections')
const ANSWER_LIMIT_MS = 30_000
/** Besides, on a busy machine. */
const PATIENCE_MS = 15_000
const BOUND_MS = ANSWER_LIMIT_MS + PATIENCE_MS
const DEADLINE_MS = BOUND_MS + 20_000
/** How often the canary sings, how long it is waited for, and some time to reconnect. */
const CANARY_BOUND_MS = 10_000 + 3_000 + PATIENCE_MS

/** Publish, ack, claim and close, each over a connection of its own that goes silent at the worst moment. */
async function getOver(db: TestDatabase): Promise<void> {
  const commit: readonly Sight[] = db.family === 'mysql' ? [{ request: 'commit' }] : []
  await using behind = await Behind.open(db, { leaseMs: 60_000 })
  const { proxy, world } = behind
  const through = proxy.through(world.place.url)
  const another = (options: ChannelOptions = {}) => world.another({ ...options, logger: silent }, through)
  const freezeAt = (...after: readonly Sight[]) => proxy.trap({ after, how: 'freeze' })

  const publishing = async () => {
    const sprung = freezeAt({ request: 'one-mark' })
    await within(BOUND_MS, behind.channel.publish('published', 'one-mark'), 'a publish')
    await sprung
    assert.equal(await behind.whereIs('one-mark'), ['queue'])
  }
  const committing = async () => {
    const channel = await another()
    const sprung = freezeAt({ request: 'two-mark' }, { request: 'commit' })
    const published = channel.publish('committed', 'two-mark', { delayMs: 600_000 })
    await within(BOUND_MS, published, 'a publish in a transaction')
    await sprung
    assert.equal(await behind.whereIs('two-mark'), ['scheduled'])
  }
  const beginning = async () => {
    await using silenced = await TcpProxy.open(world.place.url)
    const channel = await world.another({}, silenced.through(world.place.url))
    silenced.freeze()
    await within(BOUND_MS, channel.publish('begun', 'three-mark', { delayMs: 600_000 }), 'a publish after a silence')
    assert.equal(await behind.whereIs('three-mark'), ['scheduled'])
  }
  const acking = async () => {
    const channel = await another()
    await world.channel.publish('acked', 'four-mark')
    const taker = new Taker(channel, 'acked')
    const event = await taker.take()
    const sprung = freezeAt({ request: event.id }, ...commit)
    assert.is(await within(BOUND_MS, event.ack(), 'an ack'), true)
    await sprung
    assert.equal(await behind.whereIs('four-mark'), ['history'])
  }
  const claiming = async () => {
    const channel = await another({ leaseMs: 1_000 })
    const attempts: number[] = []
    const listener = channel.listen('claimed', (event) => void attempts.push(event.attempts))
    await listener.ready
    const sprung = freezeAt({ answer: 'five-mark' }, ...commit)
    await world.channel.publish('claimed', 'five-mark')
    await within(PATIENCE_MS, sprung, 'the trap of the claim')
    await eventually(BOUND_MS, async () => (await behind.whereIs('five-mark'))[0] === 'history')
    assert.equal(attempts, [2])
  }
  const closing = async () => {
    await using silenced = await TcpProxy.open(world.place.url)
    const channel = await world.another({ leaseMs: 3_000 }, silenced.through(world.place.url))
    const taker = new Taker(channel, 'closed')
    await channel.publish('closed', 'six-mark')
    await taker.take()
    silenced.freeze()
    await within(BOUND_MS, channel.close({ drainMs: 0 }), 'close')
  }
  await Promise.all([publishing(), committing(), beginning(), acking(), claiming(), closing()])
}

/** Notify and the queue, whose LISTEN connections go silent. */
async function hearAgain(db: TestDatabase): Promise<void> {
  await using world = await World.open(db)
  await using proxy = await TcpProxy.open(world.place.url)
  const listenUrl = proxy.through(world.place.url)
  await using notify = await world.another({ backend: 'notify', listenUrl })
  await using queue = await world.another({ listenUrl, pollIntervalMs: 500 })
  const gaps: Gap[] = []
  const live = new Taker(notify, 'news', { onGap: (gap) => gaps.push(gap) })
  const taker = new Taker(queue, 'orders')
  await Promise.all([live.subscription.ready, taker.subscription.ready])
  await notify.publish('news', 0)
  assert.is((await live.take()).payload, 0)

  proxy.freeze()
  const startedMs = performance.now()
  await notify.publish('news', 'unheard')
  // The queue is not woken, but polls.
  for (let i = 0; i < 5; i++) {
    await world.channel.publish('orders', i)
    assert.is((await taker.take()).payload, i)
  }
  await eventually(CANARY_BOUND_MS, () => gaps.length > 0)
  const gapMs = performance.now() - startedMs
  assert.equal(gaps, [{ reason: 'reconnect', missed: undefined, channels: ['news'] }])
  await notify.publish('news', 'heard')
  assert.is((await live.take()).payload, 'heard')
  await eventually(PATIENCE_MS, () => queue.telemetry.snapshot()['events.reconnect'] === 1)
  await world.channel.publish('orders', 'woken')
  assert.is((await taker.take()).payload, 'woken')
  assert.ok(gapMs < onThisMachine(CANARY_BOUND_MS), `${gapMs} ms`)
}

// All wait at the same time.
const waiting = {
  postgres: handled(getOver(database('postgres'))),
  mariadb: handled(getOver(database('mariadb'))),
  mysql: handled(getOver(database('mysql'))),
  listening: handled(hearAgain(database('postgres'))),
}

for (const name of ['postgres', 'mariadb', 'mysql'] as const) {
  test(`${name}: publish, ack, claim and close get over connections that went silent`, () => waiting[name], DEADLINE_MS)
}

test(
  'postgres: the canary finds a LISTEN connection that went silent; notify tells onGap, the queue goes on',
  () => waiting.listening,
  DEADLINE_MS,
)

test.run()
