import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { handled } from '../../src/common/wait.js'
import type { BackendName } from '../../src/index.js'
import { Behind } from '../support/behind.js'
import { database, ON_SERVERS, type TestDatabase } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { silent } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, World } from '../support/world.js'

/*
 * The first subscription of a channel object is made while the database is away: it waits for as long as that takes, and
 * what was published behind it waits as well, for half a minute. All cases wait at the same time.
 */

/** How long the database is away, in milliseconds: longer than any number of attempts that somebody may have thought of. */
const AWAY_MS = 16_000
/** Longest that a publish waits for the subscriptions of its channel, in milliseconds, and some time on a busy machine. */
const LIVE_MS = 30_000
const PATIENCE_MS = 15_000
const DEADLINE_MS = 90_000

/** Whether a subscription asks the database before it is live: a queue keeps what is published until somebody claims. */
const isHeld = (backend: BackendName) => backend !== 'queue'

/** Whether it has come true. */
function isTrue(fact: Promise<unknown>): () => boolean {
  let come = false
  fact.then(
    () => {
      come = true
    },
    () => undefined,
  )
  return () => come
}

async function away(where: TestDatabase, backend: BackendName): Promise<Behind> {
  const behind = await Behind.open(where, { backend, logger: silent })
  behind.proxy.refuse(true)
  behind.proxy.cut()
  return behind
}

async function waits(where: TestDatabase, backend: BackendName): Promise<void> {
  await using behind = await away(where, backend)
  const { channel, proxy } = behind
  const seen: unknown[] = []
  const subscription = channel.subscribe(['orders', 'others'])
  const listener = channel.listen('orders', ({ payload }) => void seen.push(payload))
  const isLive = isTrue(listener.ready)
  const payloads = [2, 3].map((payload) => ({ channel: 'orders', payload }))
  const published = isHeld(backend) ? [channel.publish('orders', 1), channel.publishMany(payloads)] : []
  await sleep(AWAY_MS)
  assert.is(isLive(), !isHeld(backend))
  await subscription.close()
  if (isHeld(backend)) await rejects(subscription.ready, 'CLOSED', /closed before it was live/)
  proxy.refuse(false)
  await within(PATIENCE_MS * 2, Promise.all([listener.ready, ...published]), 'the listener and what waits for it')
  if (!isHeld(backend)) await channel.publish('orders', 1).then(() => channel.publishMany(payloads))
  await channel.publish('orders', 4)
  await eventually(PATIENCE_MS, () => seen.length === 4)
  assert.equal([backend, ...seen], [backend, 1, 2, 3, 4])
}

async function givesUpPublishing(where: TestDatabase, backend: BackendName): Promise<void> {
  await using behind = await away(where, backend)
  const { channel, proxy } = behind
  const listener = channel.listen('orders', () => undefined)
  const startedMs = performance.now()
  await rejects(
    channel.publish('orders', 1),
    'CONNECTION',
    /nothing was published: a subscription of this channel object did not become live within 30000 ms/,
  )
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs > LIVE_MS - 100 && tookMs < LIVE_MS + PATIENCE_MS, `${tookMs} ms`)
  proxy.refuse(false)
  await within(PATIENCE_MS * 2, listener.ready, 'the listener')
  await channel.publish('orders', 2)
}

async function closes(where: TestDatabase, backend: BackendName): Promise<void> {
  await using behind = await away(where, backend)
  const { channel } = behind
  const subscription = channel.subscribe('orders')
  const listener = channel.listen('orders', () => undefined)
  const published = Promise.allSettled([channel.publish('orders', 1)])
  const iterating = subscription[Symbol.asyncIterator]().next()
  await sleep(1_000)
  const startedMs = performance.now()
  await channel.close({ drainMs: 0 })
  assert.ok(performance.now() - startedMs < 5_000 + PATIENCE_MS)
  if (isHeld(backend)) await rejects(subscription.ready, 'CLOSED', /closed before it was live/)
  if (isHeld(backend)) await rejects(listener.ready, 'CLOSED', /closed before it was live/)
  assert.equal(await within(SOON_MS, iterating), { done: true, value: undefined })
  const [ending] = await within(SOON_MS, published)
  assert.match(String((ending as PromiseRejectedResult).reason?.code), /^(CLOSED|CONNECTION)$/)
}

/** What stands in the way there is a lock, where a group is entered. */
async function waitsForLock(): Promise<void> {
  await using world = await World.open(database('sqlite'), { backend: 'log' })
  const tx = await world.place.begin()
  const subscription = world.channel.subscribe('orders', { group: 'readers' })
  const isLive = isTrue(subscription.ready)
  await sleep(AWAY_MS)
  assert.not(isLive())
  await tx.rollback()
  await within(PATIENCE_MS, subscription.ready)
}

for (const where of ON_SERVERS) {
  const backends: readonly BackendName[] = where.name === 'postgres' ? ['queue', 'log', 'notify'] : ['queue', 'log']
  const test = suite(`a first subscription while ${where.name} is away`)
  const all = (run: (where: TestDatabase, backend: BackendName) => Promise<void>, which = backends) =>
    handled(Promise.all(which.map((backend) => run(where, backend))))
  const [waiting, givingUp, closing] = [all(waits), all(givesUpPublishing, backends.filter(isHeld)), all(closes)]
  test('it waits and goes on, as does what was published behind it', async () => void (await waiting), DEADLINE_MS)
  test('a publish behind it gives up after half a minute', async () => void (await givingUp), DEADLINE_MS)
  test('closing ends it', async () => void (await closing), DEADLINE_MS)
  test.run()
}

const test = suite('a first subscription while sqlite is locked')
const waiting = handled(waitsForLock())
test('it waits and goes on', () => waiting, DEADLINE_MS)
test.run()
