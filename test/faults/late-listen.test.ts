import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { postgres } from '../../src/engines/sql/postgres.js'
import { EventChannel, type Gap } from '../../src/index.js'
import { database } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { recorder, silent } from '../support/logger.js'
import { bareRole, terminate, uniqueService } from '../support/postgres.js'
import { TcpProxy } from '../support/proxy.js'
import type { OwnServer } from '../support/servers/own-server.js'
import { startPgBouncer } from '../support/servers/pgbouncer.js'
import { askPostgres, startPostgres } from '../support/servers/postgres.js'
import { SlowPool } from '../support/slow-pool.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/*
 * LISTEN connections that are late, cannot be made, hear nothing for a while, or are ended again and again.
 */

const test = suite('LISTEN, late or not at all')
const db = database('postgres')
/** How long one that is four seconds away may take until it is proven, on a busy machine. */
const PATIENCE_MS = 60_000
/** So long that whatever arrives was told of by a notification. */
const NO_POLLING = { pollIntervalMs: 600_000 }
const KEPT = ['queue', 'log'] as const

const count = (channel: EventChannel, name: 'events.fallback' | 'events.reconnect') =>
  channel.telemetry.snapshot()[name]

/** Asserts that what another object publishes arrives by a notification. */
async function assertWoken(taker: Taker, publisher: EventChannel, name: string): Promise<void> {
  const next = taker.take()
  await publisher.publish(name, 'woken')
  assert.is((await next).payload, 'woken')
}

test(
  'a LISTEN connection whose server is four seconds away is taken for late, not for deaf',
  async () => {
    await using world = await World.open(db)
    await using proxy = await TcpProxy.open(world.place.url)
    const listenUrl = proxy.through(world.place.url)
    proxy.delay(4_000)
    const opened = (['notify', ...KEPT] as const).map(async (backend) => {
      const options = { backend, ...NO_POLLING } as const
      const [channel, publisher] = [await world.another({ ...options, listenUrl }), await world.another(options)]
      const taker = new Taker(channel, 'orders')
      await within(PATIENCE_MS, taker.subscription.ready, `${backend} ready`)
      return { channel, publisher, taker }
    })
    const parties = await Promise.all(opened)
    proxy.delay(0)
    for (const { channel, publisher, taker } of parties) {
      await assertWoken(taker, publisher, 'orders')
      assert.equal([count(channel, 'events.fallback'), count(channel, 'events.reconnect')], [0, 0])
    }
  },
  2 * PATIENCE_MS,
)

test('a pool that has no connection free for seconds is taken for busy, not for deaf', async () => {
  await using world = await World.open(db, { backend: 'notify' })
  await using slow = new SlowPool(world.place.url, { max: 1 })
  const logger = recorder()
  const options = { ...world.place.options, backend: 'notify', logger } as const
  await using channel = await EventChannel.open(postgres({ pool: slow.pool }), options)
  slow.hold()
  const taker = new Taker(channel, 'orders')
  let isReady = false
  const ready = taker.subscription.ready.then(() => {
    isReady = true
  })
  // Longer than three nonces are waited for.
  await sleep(4_000)
  assert.equal([isReady, logger.lines], [false, []])
  slow.release()
  await within(SOON_MS, ready, 'ready')
  await world.channel.publish('orders', 1)
  assert.is((await taker.take()).payload, 1)
  await channel.close()
})

test(
  'a queue or log whose LISTEN connection cannot be made polls, is ready all the same, and is woken once it can be',
  async () => {
    await using world = await World.open(db)
    await using proxy = await TcpProxy.open(world.place.url)
    const listenUrl = proxy.through(world.place.url)
    proxy.refuse(true)
    for (const backend of KEPT) {
      const logger = recorder()
      const channel = await world.another({ backend, ...NO_POLLING, listenUrl, logger })
      const publisher = await world.another({ backend })
      const [polling, waiting] = [new Taker(channel, 'polled', { pollIntervalMs: 50 }), new Taker(channel, 'woken')]
      const polled = polling.take()
      await Promise.all([polling, waiting].map(({ subscription }) => within(SOON_MS, subscription.ready)))
      await publisher.publish('polled', 1)
      assert.is((await polled).payload, 1)
      await polling.leave()
      assert.is(count(channel, 'events.fallback'), 1)
      assert.is(logger.lines.filter(({ message }) => /polling instead/.test(message)).length, 1)
      proxy.refuse(false)
      await eventually(PATIENCE_MS, () => logger.lines.some(({ message }) => /work again/.test(message)))
      await assertWoken(waiting, publisher, 'woken')
      proxy.refuse(true)
    }
  },
  2 * PATIENCE_MS,
)

test(
  'a queue or log that found LISTEN deaf looks again, and is woken once it hears',
  async () => {
    await using world = await World.open(db)
    await using pooler = await startPgBouncer(world.place.url)
    await using proxy = await TcpProxy.open(pooler.url)
    const listenUrl = proxy.through(world.place.url)
    const opened = KEPT.map(async (backend) => {
      const logger = recorder()
      const channel = await world.another({ backend, ...NO_POLLING, listenUrl, logger })
      const taker = new Taker(channel, 'orders')
      await within(PATIENCE_MS, taker.subscription.ready)
      await eventually(PATIENCE_MS, () => count(channel, 'events.fallback') === 1)
      return { channel, taker, logger, publisher: await world.another({ backend }) }
    })
    const parties = await Promise.all(opened)
    proxy.lead(world.place.url)
    for (const { taker, logger, publisher } of parties) {
      await eventually(PATIENCE_MS, () => logger.lines.some(({ message }) => /work again/.test(message)))
      await assertWoken(taker, publisher, 'orders')
    }
  },
  3 * PATIENCE_MS,
)

test('a LISTEN connection outlives the limit of its role for idle sessions', async () => {
  await using world = await World.open(db, { backend: 'notify' })
  await using role = await bareRole(world.place)
  await world.place.sql(`alter role ${new URL(role.url).username} set idle_session_timeout = '500ms'`)
  const channel = await world.another({}, role.url)
  const gaps: Gap[] = []
  const taker = new Taker(channel, 'orders', { onGap: (gap) => gaps.push(gap) })
  await taker.subscription.ready
  await sleep(2_000)
  await world.channel.publish('orders', 1)
  assert.is((await taker.take()).payload, 1)
  assert.equal([gaps, count(channel, 'events.reconnect')], [[], 0])
})

test('a LISTEN connection that finds no place on the server is made once there is one', async () => {
  const serviceName = uniqueService()
  await using world = await World.open(db, { backend: 'notify' })
  await using role = await bareRole(world.place)
  const { username } = new URL(role.url)
  const logger = recorder()
  const channel = await world.another({ serviceName, logger }, role.url)
  const gaps: Gap[] = []
  const taker = new Taker(channel, 'orders', { onGap: (gap) => gaps.push(gap) })
  await taker.subscription.ready
  await channel.publish('orders', 0)
  assert.is((await taker.take()).payload, 0)
  await world.place.sql(`alter role ${username} connection limit 1`)
  await terminate(world.place, `${serviceName} listen`)
  const refused = () => logger.lines.filter(({ details }) => /too many connections/.test(JSON.stringify(details)))
  await eventually(SOON_MS, () => refused().length >= 2)
  assert.is(gaps.length, 0)
  await world.place.sql(`alter role ${username} connection limit 10`)
  await eventually(SOON_MS, () => gaps.length === 1)
  await world.channel.publish('orders', 1)
  assert.is((await taker.take()).payload, 1)
})

/** Begins to follow a primary that does not exist, until it is promoted. */
async function makeStandby(server: OwnServer): Promise<void> {
  const [row] = await askPostgres(server.url, 'show data_directory')
  await server.stop()
  writeFileSync(join(String(row?.data_directory), 'standby.signal'), '')
  await server.start()
}

test(
  'on a standby publishing rejects, and a subscription waits until the server is promoted',
  async () => {
    await using server = await startPostgres()
    await makeStandby(server)
    await using place = await db.place(server.url)
    const options = { ...place.options, backend: 'notify', logger: silent } as const
    await using channel = await EventChannel.open(place.url, options)
    await rejects(channel.publish('orders', 0), 'CONNECTION', /primary/)
    const taker = new Taker(channel, 'orders')
    await place.sql('select pg_promote()')
    await within(PATIENCE_MS, taker.subscription.ready, 'ready')
    await channel.publish('orders', 1)
    assert.is((await taker.take()).payload, 1)
  },
  2 * PATIENCE_MS,
)

test.run()
