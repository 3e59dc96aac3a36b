import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import * as assert from 'uvu/assert'
import type { EngineSource } from '../../src/engine.js'
import { postgres } from '../../src/engines/sql/postgres.js'
import { type BackendName, type ChannelOptions, EventChannel } from '../../src/index.js'
import { Child } from '../support/child.js'
import { DATABASES, database, type Place, type TestDatabase } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { TcpProxy } from '../support/proxy.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/*
 * Where no hints come from other processes, consumers probe. Another channel object stands for another process: they share
 * nothing but the database.
 */

/** Nothing that takes less was found by a look at the poll interval. */
const SELDOM_MS = 60_000
/** What a probe may take on a machine that is busy with other work; the median, in milliseconds. */
const FOUND_MS = 400

/** A database that sends no hints: it cannot, or the connection may not listen. */
interface Ground {
  readonly name: string
  readonly database: TestDatabase
  readonly backends: readonly BackendName[]
  connect(place: Place): { readonly target: string | EngineSource; end(): Promise<void> }
}

const GROUNDS: readonly Ground[] = [
  ...DATABASES.filter(({ wakes }) => !wakes).map((each) => ({
    name: each.name,
    database: each,
    backends: ['queue', 'log', 'notify'] as const,
    connect: ({ url }: Place) => ({ target: url, end: async () => undefined }),
  })),
  {
    name: 'postgres without LISTEN',
    database: database('postgres'),
    backends: ['queue', 'log'],
    connect({ url }) {
      const pool = new pg.Pool({ connectionString: url })
      // It does not say where its server is, so there is no address to listen on.
      const wrapper = { connect: () => pool.connect(), query: (config: pg.QueryConfig) => pool.query(config) }
      return { target: postgres({ pool: wrapper }), end: () => pool.end() }
    },
  },
]

/** A consumer that gets no hints, and one who publishes elsewhere. */
class Pair implements AsyncDisposable {
  private constructor(
    readonly world: World,
    readonly consumer: EventChannel,
    readonly publisher: EventChannel,
    readonly end: () => Promise<void>,
  ) {}

  static async open(ground: Ground, backend: BackendName, options: ChannelOptions = {}): Promise<Pair> {
    const complete = { pollIntervalMs: SELDOM_MS, backend, ...options }
    const world = await World.open(ground.database, complete)
    const { target, end } = ground.connect(world.place)
    const consumer = await EventChannel.open(target, { logger: silent, ...world.place.options, ...complete })
    const publisher = await world.another()
    return new Pair(world, consumer, publisher, end)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.consumer.close({ drainMs: 0 })
    await this.end()
    await this.world[Symbol.asyncDispose]()
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

for (const ground of GROUNDS) {
  const test = suite(`probes on ${ground.name}`)

  for (const backend of ground.backends) {
    test(`an event published elsewhere is found long before the poll interval is over: ${backend}`, async () => {
      await using pair = await Pair.open(ground, backend)
      const taker = new Taker(pair.consumer, 'orders')
      const tookMs: number[] = []
      await taker.subscription.ready
      // After a while of silence, and then every now and then.
      for (let n = 0; n < 9; n++) {
        const event = taker.take()
        await sleep(n === 0 ? 2_000 : 50)
        const startedMs = performance.now()
        await pair.publisher.publish('orders', n)
        const taken = await event
        tookMs.push(performance.now() - startedMs)
        assert.is(taken.payload, n)
        await taken.ack()
      }
      assert.ok(median(tookMs) < onThisMachine(FOUND_MS), `${tookMs.map(Math.round)} ms`)
    })
  }

  test('what commits long after it was published is found soon after the commit', async () => {
    await using pair = await Pair.open(ground, 'queue')
    const taker = new Taker(pair.consumer, 'orders')
    const next = taker.take(SOON_MS)
    await taker.subscription.ready
    const tx = await pair.world.place.begin()
    await pair.consumer.publish('orders', 1, { tx: tx.handle })
    await sleep(2_000)
    await tx.commit()
    const committedMs = performance.now()
    await next
    assert.ok(performance.now() - committedMs < onThisMachine(1_000), `${performance.now() - committedMs} ms`)
  })

  test('what is given back elsewhere is found', async () => {
    await using pair = await Pair.open(ground, 'queue')
    const holder = new Taker(pair.publisher, 'orders', { prefetch: 1 })
    await pair.publisher.publish('orders', 1)
    const held = await holder.take()
    const taker = new Taker(pair.consumer, 'orders')
    const next = taker.take(SOON_MS)
    await taker.subscription.ready
    await Promise.all([held.nack({ delayMs: 0 }), holder.leave()])
    assert.is((await next).attempts, 2)
  })

  test.run()
}

/** A world whose traffic with the server can be counted and delayed. */
async function openBehindProxy(database: TestDatabase, options: ChannelOptions = {}) {
  const world = await World.open(database, { pollIntervalMs: SELDOM_MS, ...options })
  const proxy = await TcpProxy.open(world.place.url)
  const channel = await world.another({}, proxy.through(world.place.url))
  return {
    world,
    proxy,
    channel,
    /** Packets that were sent to the server in so many milliseconds. */
    async sent(ms: number): Promise<number> {
      const before = proxy.requests
      await sleep(ms)
      return proxy.requests - before
    },
    async [Symbol.asyncDispose]() {
      await channel.close({ drainMs: 0 })
      await proxy[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    },
  }
}

for (const database of DATABASES.filter(({ wakes }) => !wakes)) {
  const test = suite(`what probes cost on ${database.name}`)

  for (const backend of ['queue', 'log'] as const) {
    test(`one statement at a time, which waits at the server for a second: ${backend}`, async () => {
      await using behind = await openBehindProxy(database, { backend })
      const channels = Array.from({ length: 20 }, (_, i) => `channel ${i}`)
      const subscriptions = channels.map((name) => behind.channel.subscribe(name))
      await Promise.all(subscriptions.map(({ ready }) => ready))
      for (const subscription of subscriptions) detached(subscription[Symbol.asyncIterator]().next())
      await behind.sent(500)
      const sent = await behind.sent(2_000)
      assert.ok(sent <= 40 && sent >= 2, `${sent} packets`)
    })

    test(`a server far away is not asked more often than it answers: ${backend}`, async () => {
      await using behind = await openBehindProxy(database, { backend })
      const taker = new Taker(behind.channel, 'orders')
      detached(taker.take(SELDOM_MS))
      await taker.subscription.ready
      behind.proxy.delay(60)
      await behind.sent(500)
      const sent = await behind.sent(2_000)
      // 60 ms, and twice as long without; now and then the way is measured. Without waiting for the answer there would be 166.
      assert.ok(sent <= 24 && sent >= 3, `${sent} packets`)
    })
  }

  test('an idle process takes next to nothing of a core', async () => {
    await using world = await World.open(database)
    for (const backend of ['queue', 'log']) {
      const options = JSON.stringify({ ...world.place.options, backend })
      await using child = new Child('idler', [world.place.url, options, '3000'])
      await child.said(/^idle/, 1, 30_000)
      const share = Number(child.lines.at(-1)?.split(' ')[1])
      assert.ok(share < 12, `${share} % of a core`)
    }
  }, 60_000)

  test('who only publishes asks nothing', async () => {
    // Without history there is no purge, either.
    await using behind = await openBehindProxy(database, { retentionMs: 0 })
    await behind.channel.publish('orders', 1)
    await behind.sent(300)
    assert.is(await behind.sent(1_000), 0)
  })

  test('a consumer that has its hands full asks nothing', async () => {
    await using behind = await openBehindProxy(database)
    await behind.world.channel.publishMany(Array.from({ length: 10 }, (_, n) => ({ channel: 'orders', payload: n })))
    const taker = new Taker(behind.channel, 'orders', { prefetch: 1 })
    await taker.takeMany(2)
    await behind.sent(300)
    const sent = await behind.sent(1_000)
    assert.ok(sent <= 2, `${sent} packets`)
  })

  test('it closes at once while a probe is under way, and asks nothing any more', async () => {
    await using behind = await openBehindProxy(database)
    const taker = new Taker(behind.channel, 'orders')
    detached(taker.take(SELDOM_MS))
    await taker.subscription.ready
    behind.proxy.delay(300)
    const before = behind.proxy.requests
    await eventually(SOON_MS, () => behind.proxy.requests > before)
    await within(SOON_MS, behind.channel.close(), 'closing')
    await eventually(SOON_MS, () => behind.proxy.size === 0)
    assert.is(await behind.sent(300), 0)
  })

  test('probes go on after the connections broke', async () => {
    await using behind = await openBehindProxy(database)
    const taker = new Taker(behind.channel, 'orders')
    const next = taker.take(SOON_MS)
    await taker.subscription.ready
    behind.proxy.refuse(true)
    behind.proxy.cut()
    await sleep(1_000)
    behind.proxy.refuse(false)
    await behind.world.channel.publish('orders', 1)
    assert.is((await next).payload, 1)
  })

  test.run()
}

const test = suite('probes where hints come')

test('are not made', async () => {
  await using behind = await openBehindProxy(database('postgres'))
  const taker = new Taker(behind.channel, 'orders')
  detached(taker.take(SELDOM_MS))
  await taker.subscription.ready
  await behind.sent(300)
  const sent = await behind.sent(1_000)
  assert.ok(sent <= 5, `${sent} packets`)
})

test.run()

/** What ends with the channel. */
function detached(work: Promise<unknown>): void {
  work.catch(() => undefined)
}
