import pg from 'pg'
import * as assert from 'uvu/assert'
import { type PostgresPool, postgres } from '../../src/engines/sql/postgres.js'
import { type ChannelOptions, type EngineSource, EventChannel } from '../../src/index.js'
import { Child } from '../support/child.js'
import { database } from '../support/databases.js'
import { SilentClient } from '../support/leftovers.js'
import { assertLives } from '../support/life.js'
import { recorder } from '../support/logger.js'
import { TcpProxy } from '../support/proxy.js'
import { startPgpool } from '../support/servers/pgpool.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/*
 * pgpool: a client keeps its session. In raw mode pgpool begins a transaction before the first write of a session that
 * stands by itself, and leaves it open: what `pg` is told was done is undone when the session ends.
 */

const test = suite('pgpool')
/** Longer than the first start takes, which may have to download it. */
const PATIENCE_MS = 90_000
const db = database('postgres')
const RAW = `backend_clustering_mode = 'raw'`
/** So that each session of a client is one that pgpool has not seen before. */
const NEW_SESSIONS = 'connection_cache = off'

/** A place behind pgpool; `channel` of the world goes straight to the server. */
async function behindPgpool(settings: readonly string[], options: ChannelOptions = {}) {
  const world = await World.open(db, options)
  const pooler = await startPgpool(world.place.url, settings)
  const pool = (config: pg.PoolConfig = {}) => {
    const made = new pg.Pool({ connectionString: pooler.url, max: 3, ...config })
    made.on('error', () => undefined)
    return made
  }
  return {
    world,
    pooler,
    pool,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await pooler[Symbol.asyncDispose]()
    },
  }
}

/** Publishes in every way; the payloads are numbers from 0 on. */
async function publishAll(channel: EventChannel, transactions: pg.Pool): Promise<number> {
  let n = 0
  for (let i = 0; i < 5; i++) await channel.publish('orders', n++)
  await Promise.all(Array.from({ length: 8 }, () => channel.publish('orders', n++)))
  await channel.publishMany(Array.from({ length: 5 }, () => ({ channel: 'orders', payload: n++ })))
  for (let i = 0; i < 3; i++) {
    const client = await transactions.connect()
    await client.query('begin')
    await channel.publish('orders', n++, { tx: client })
    await client.query('commit')
    client.release()
  }
  return n
}

test(
  'raw mode: a queue and a log live through it, by URL and in a pool of the application, whose driver may not tell how a session stands',
  async () => {
    await using behind = await behindPgpool([RAW, NEW_SESSIONS])
    const live = async (target: () => string | EngineSource) => {
      await using place = await db.usedPlace()
      await assertLives(target, place.options)
    }
    await live(() => `${behind.pooler.url}?pool_size=4`)
    for (const pool of [behind.pool(), behind.pool({ Client: SilentClient } as pg.PoolConfig)]) {
      await live(() => postgres({ pool: pool as unknown as PostgresPool }))
      await pool.end()
    }
  },
  PATIENCE_MS,
)

test(
  'raw mode: what one process publishes, another has once; nobody complains',
  async () => {
    await using behind = await behindPgpool([RAW, NEW_SESSIONS])
    for (const backend of ['queue', 'log', 'notify'] as const) {
      await using place = await db.usedPlace()
      const given = { backend, ...place.options }
      await using subscriber = new Child('app', ['iterate', `${behind.pooler.url}?pool_size=3`, JSON.stringify(given)])
      await subscriber.said(/^ready/)
      const logger = recorder()
      const [pool, transactions] = [behind.pool(), behind.pool()]
      let count = 0
      for (const target of [`${behind.pooler.url}?pool_size=3`, postgres({ pool: pool as unknown as PostgresPool })]) {
        await using publisher = await EventChannel.open(target, { logger, ...given })
        count += await publishAll(publisher, transactions)
      }
      await subscriber.said(/^got/, count)
      assert.is(subscriber.lines.filter((line) => line.startsWith('got')).length, count)
      const complaints = logger.lines.filter(({ level }) => level === 'warn' || level === 'error')
      assert.equal(complaints, [])
      await Promise.all([pool.end(), transactions.end()])
    }
  },
  PATIENCE_MS,
)

test(
  'raw mode: a heartbeat and an ack keep and settle an event',
  async () => {
    await using behind = await behindPgpool([RAW, NEW_SESSIONS], { leaseMs: 1_000 })
    const { channel: direct, place } = behind.world
    const channel = await behind.world.another({}, `${behind.pooler.url}?pool_size=2`)
    const taker = new Taker(channel, 'long')
    await channel.publish('long', 1)
    const event = await taker.take()
    const until = async () =>
      String((await place.sql(`select lease_expires_at as until from ${place.table('queue')}`))[0]?.until)
    const first = await until()
    await eventually(SOON_MS, async () => (await until()) !== first)
    assert.is(event.signal.aborted, false)
    assert.is(await event.ack(), true)
    assert.equal(await direct.stats('long'), [])
  },
  PATIENCE_MS,
)

test(
  'streaming replication with a query cache and load balancing: no read comes from the cache, or goes to a standby',
  async () => {
    await using elsewhere = await db.usedPlace()
    await using proxy = await TcpProxy.open(elsewhere.url)
    const standby = new URL(proxy.through(elsewhere.url))
    await using behind = await behindPgpool([
      `backend_clustering_mode = 'streaming_replication'`,
      ...['memory_cache_enabled = on', 'memqcache_expire = 0', 'load_balance_mode = on'],
      // A standby as far as pgpool can see, which asks nothing of it by itself.
      ...['backend_weight0 = 0', 'backend_weight1 = 1', 'sr_check_period = 0'],
      ...[`backend_hostname1 = '${standby.hostname}'`, `backend_port1 = ${standby.port}`],
    ])
    const { channel: direct, place } = behind.world
    let isAsked = false
    const asked = proxy.trap({ after: [{ request: String(place.options.schema) }], how: 'cut' }).then(() => {
      isAsked = true
    })
    await assertLives(() => `${behind.pooler.url}?pool_size=4`, place.options)
    const channel = await behind.world.another({}, behind.pooler.url)
    const refuse = () => {
      throw new Error('no')
    }
    for (const count of [0, 1, 2]) {
      assert.is((await channel.deadLetters.list()).length, count)
      const listener = direct.listen('refused', refuse)
      await direct.publish('refused', count, { maxAttempts: 1 })
      await eventually(SOON_MS, async () => (await direct.deadLetters.list()).length === count + 1)
      await listener.stop()
    }
    assert.is(isAsked, false)
    const pool = behind.pool()
    await pool.query(`select 1 from ${place.table('queue')}`).catch(() => undefined)
    await within(SOON_MS, asked, 'a read of somebody else that goes there')
    await pool.end()
  },
  PATIENCE_MS,
)

test.run()
