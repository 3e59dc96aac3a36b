import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { postgres } from '../../src/engines/sql/postgres.js'
import { EventChannel, type Gap } from '../../src/index.js'
import { database } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { connectionsOf, terminate, uniqueService } from '../support/postgres.js'
import { TcpProxy } from '../support/proxy.js'
import { SlowPool } from '../support/slow-pool.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/*
 * What is asked of a notify object while its LISTEN connection is rebuilt. The rebuild is held where it takes longest, by
 * the canary that waits for the pool.
 */

const test = suite('notify while the LISTEN connection is rebuilt')

/** A notify object on a pool that can be held, and a publisher beside it. */
class Rebuilding implements AsyncDisposable {
  readonly gaps: Gap[] = []
  readonly #world: World
  readonly #slow: SlowPool
  readonly #serviceName: string

  private constructor(
    world: World,
    readonly channel: EventChannel,
    slow: SlowPool,
    serviceName: string,
  ) {
    this.#world = world
    this.#slow = slow
    this.#serviceName = serviceName
  }

  static async open(): Promise<Rebuilding> {
    const world = await World.open(database('postgres'), { backend: 'notify' })
    const slow = new SlowPool(world.place.url)
    const serviceName = uniqueService()
    const options = { ...world.place.options, backend: 'notify', serviceName, logger: silent } as const
    return new Rebuilding(world, await EventChannel.open(postgres({ pool: slow.pool }), options), slow, serviceName)
  }

  subscribe(channels: string | readonly string[]): Taker {
    return new Taker(this.channel, channels, { onGap: (gap) => this.gaps.push(gap) })
  }

  /** Ends the LISTEN connection; the next one has connected, and does not get further. */
  async begin(): Promise<void> {
    this.#slow.hold()
    await terminate(this.#world.place, `${this.#serviceName} listen`)
    await eventually(SOON_MS, async () => {
      const connections = await connectionsOf(this.#world.place, this.#serviceName)
      return connections.includes(`${this.#serviceName} listen`)
    })
    // So that it listens to what was wanted by then, and waits for the pool.
    await sleep(200)
  }

  async finish(): Promise<void> {
    this.#slow.release()
    await eventually(SOON_MS, () => this.channel.telemetry.snapshot()['events.reconnect'] === 1)
  }

  publish(channel: string, payload: unknown): Promise<unknown> {
    return this.#world.channel.publish(channel, payload)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#slow.release()
    await this.channel.close({ drainMs: 0 })
    await this.#slow[Symbol.asyncDispose]()
    await this.#world[Symbol.asyncDispose]()
  }
}

test('a subscription made meanwhile is ready when it hears, and not before', async () => {
  await using rebuilding = await Rebuilding.open()
  await rebuilding.subscribe('first').subscription.ready
  await rebuilding.begin()
  const takers = Array.from({ length: 20 }, (_, i) => ({
    name: `later ${i}`,
    taker: rebuilding.subscribe(`later ${i}`),
  }))
  let isReady = false
  const ready = Promise.all(takers.map(({ taker }) => taker.subscription.ready)).then(() => {
    isReady = true
  })
  await sleep(100)
  assert.not(isReady)
  await rebuilding.finish()
  await within(SOON_MS, ready, 'ready')
  for (const { name, taker } of takers) {
    await rebuilding.publish(name, name)
    assert.is((await taker.take()).payload, name)
  }
})

test('those who were live are told of a gap, once; who was not has missed nothing', async () => {
  await using rebuilding = await Rebuilding.open()
  await rebuilding.subscribe(['first', 'second']).subscription.ready
  await rebuilding.begin()
  const later = rebuilding.subscribe('second')
  await rebuilding.finish()
  await within(SOON_MS, later.subscription.ready, 'ready')
  await rebuilding.publish('second', 1)
  await later.take()
  assert.equal(rebuilding.gaps, [{ reason: 'reconnect', missed: undefined, channels: ['first', 'second'] }])
  assert.is(rebuilding.channel.telemetry.snapshot()['events.gap'], 1)
})

test('a topic that is left and taken again meanwhile is heard, and one that is left is not listened to', async () => {
  await using rebuilding = await Rebuilding.open()
  const [left, again, both] = ['left', 'again', 'both'].map((name) => rebuilding.subscribe(name))
  for (const taker of [left, again, both]) await taker?.subscription.ready
  await rebuilding.begin()
  await Promise.all([left, again].map((taker) => taker?.subscription.close()))
  const second = rebuilding.subscribe('again')
  const brief = rebuilding.subscribe('both').subscription.close()
  await rebuilding.finish()
  await within(SOON_MS, Promise.all([second.subscription.ready, brief]), 'ready')
  for (const [name, taker] of Object.entries({ again: second, both })) {
    await rebuilding.publish(name, name)
    assert.is((await taker?.take())?.payload, name)
  }
})

test('close does not wait for a rebuild that gets nowhere', async () => {
  await using world = await World.open(database('postgres'), { backend: 'notify' })
  for (const trouble of ['refuse', 'freeze'] as const) {
    await using proxy = await TcpProxy.open(world.place.url)
    const channel = await world.another({ listenUrl: proxy.through(world.place.url) })
    await channel.subscribe('orders').ready
    if (trouble === 'refuse') proxy.refuse(true)
    proxy.cut()
    // One that connected and then went silent.
    if (trouble === 'freeze') await eventually(SOON_MS, () => proxy.size > 0).then(() => proxy.freeze())
    await sleep(200)
    await within(SOON_MS, channel.close(), `close (${trouble})`)
  }
})

test('a thousand subscriptions are heard again within seconds, however far away the server is', async () => {
  await using world = await World.open(database('postgres'), { backend: 'notify' })
  await using proxy = await TcpProxy.open(world.place.url)
  const channel = await world.another({ listenUrl: proxy.through(world.place.url) })
  let gaps = 0
  const names = Array.from({ length: 1_000 }, (_, i) => `topic ${i}`)
  const seen = new Set<string>()
  const onGap = () => void gaps++
  const listeners = names.map((name) => channel.listen(name, (event) => void seen.add(event.channel), { onGap }))
  await Promise.all(listeners.map(({ ready }) => ready))
  proxy.delay(30)
  proxy.cut()
  // One after the other they take more than half a minute.
  await eventually(3 * SOON_MS, () => gaps === names.length)
  await world.channel.publishMany(names.map((name) => ({ channel: name, payload: 1 })))
  await eventually(3 * SOON_MS, () => seen.size === names.length)
}, 50_000)

test.run()
