import pg from 'pg'
import * as assert from 'uvu/assert'
import { database } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { recorder } from '../support/logger.js'
import { startPgBouncer } from '../support/servers/pgbouncer.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/*
 * PgBouncer in transaction mode: each transaction may meet another session of the server.
 */

const test = suite('pgbouncer in transaction mode')
/** Longer than the first start takes, which may have to download it. */
const PATIENCE_MS = 90_000
const db = database('postgres')

/** A place behind a pooler; `channel` of the world goes straight to the server. */
async function behindPooler(options = {}) {
  const world = await World.open(db, options)
  const pooler = await startPgBouncer(world.place.url)
  return {
    world,
    pooler,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await pooler[Symbol.asyncDispose]()
    },
  }
}

test(
  'the queue works through it under load from many callers and several channel objects',
  async () => {
    await using behind = await behindPooler()
    const logger = recorder()
    const acked: number[] = []
    const channels = await Promise.all(
      Array.from({ length: 4 }, () => behind.world.another({ logger }, behind.pooler.url)),
    )
    for (const channel of channels) {
      channel.listen('orders', (event) => void acked.push(event.payload as number), {
        concurrency: 4,
        pollIntervalMs: 100,
      })
    }
    const rounds = 40
    const callers = channels.flatMap((channel, c) =>
      Array.from({ length: 8 }, async (_, caller) => {
        for (let i = 0; i < rounds; i++) {
          const n = (c * 8 + caller) * rounds + i
          if (i % 10 === 0) await channel.publishMany([{ channel: 'orders', payload: n, key: `k${n}` }])
          else await channel.publish('orders', n)
        }
      }),
    )
    await within(PATIENCE_MS, Promise.all(callers))
    const total = 4 * 8 * rounds
    await eventually(PATIENCE_MS, () => acked.length >= total)
    assert.is(acked.length, total)
    assert.is(new Set(acked).size, total)
    const [stats] = await behind.world.channel.stats('orders')
    assert.is(stats?.dead ?? 0, 0)
    const complaints = logger.lines.filter(({ message }) => !/no wake-ups from the database/.test(message))
    assert.equal(
      complaints.filter(({ level }) => level !== 'debug'),
      [],
    )
  },
  PATIENCE_MS,
)

test(
  'the queue without listenUrl says that it polls, and with it is woken; both long before the poll interval is over',
  async () => {
    await using behind = await behindPooler()
    for (const listenUrl of [undefined, behind.world.place.url]) {
      const name = listenUrl === undefined ? 'polled' : 'woken'
      const channel = await behind.world.another(
        { pollIntervalMs: 60_000, ...(listenUrl && { listenUrl }) },
        behind.pooler.url,
      )
      const taker = new Taker(channel, name)
      const next = taker.take(SOON_MS)
      await taker.subscription.ready
      assert.is(channel.telemetry.snapshot()['events.fallback'], listenUrl === undefined ? 1 : 0)
      await behind.world.channel.publish(name, 1)
      assert.is((await next).payload, 1)
    }
  },
  PATIENCE_MS,
)

test(
  'notify: who publishes through it is heard by who listens beside it, and subscribing through it is refused, with the remedy',
  async () => {
    await using behind = await behindPooler({ backend: 'notify' })
    const logger = recorder()
    const pooled = await behind.world.another({ logger }, behind.pooler.url)
    const taker = new Taker(behind.world.channel, 'news')
    await taker.subscription.ready
    await Promise.all(Array.from({ length: 100 }, (_, i) => pooled.publish('news', i)))
    assert.is((await taker.takeMany(100)).length, 100)
    assert.equal(logger.lines, [])
    const startedMs = performance.now()
    for (const refused of [pooled.subscribe('news').ready, pooled.listen('news', () => undefined).ready]) {
      await rejects(refused, 'UNSUPPORTED', /pooler.*listenUrl/)
    }
    const elapsedMs = performance.now() - startedMs
    assert.ok(elapsedMs < onThisMachine(10_000), `${elapsedMs} ms`)
    assert.is(pooled.backend, 'notify')
    await pooled.publish('news', 'still')
    assert.is((await taker.take()).payload, 'still')
  },
  PATIENCE_MS,
)

for (const backend of ['queue', 'log', 'notify'] as const) {
  test(
    `${backend}: transactions of the application go through it, the channel goes straight to the server`,
    async () => {
      await using behind = await behindPooler({ backend })
      const pool = new pg.Pool({ connectionString: behind.pooler.url, max: 8 })
      pool.on('error', () => undefined)
      const { channel } = behind.world
      const taker = new Taker(channel, 'orders')
      await taker.subscription.ready
      const publishOne = async (payload: number) => {
        const client = await pool.connect()
        await client.query('begin')
        await channel.publish('orders', payload, { tx: client })
        await client.query('commit')
        client.release()
      }
      for (let round = 0; round < 10; round++) {
        await within(SOON_MS, Promise.all(Array.from({ length: 8 }, (_, i) => publishOne(round * 8 + i))))
      }
      const events = await taker.takeMany(80)
      assert.is(new Set(events.map(({ payload }) => payload)).size, 80)
      await pool.end()
    },
    PATIENCE_MS,
  )
}

test(
  'notify works through it with listenUrl, many publishers at once',
  async () => {
    await using behind = await behindPooler()
    const options = { backend: 'notify', listenUrl: behind.world.place.url } as const
    const subscriber = await behind.world.another(options, behind.pooler.url)
    const publishers = await Promise.all(
      Array.from({ length: 3 }, () => behind.world.another(options, behind.pooler.url)),
    )
    assert.is(subscriber.backend, 'notify')
    const taker = new Taker(subscriber, 'orders')
    await taker.subscription.ready
    await Promise.all(
      publishers.flatMap((channel, p) => Array.from({ length: 100 }, (_, i) => channel.publish('orders', p * 100 + i))),
    )
    const events = await taker.takeMany(300)
    assert.is(new Set(events.map(({ payload }) => payload)).size, 300)
    await publishers[0]?.publish('orders', 'x'.repeat(20_000))
    assert.is(((await taker.take()).payload as string).length, 20_000)
  },
  PATIENCE_MS,
)

test.run()
