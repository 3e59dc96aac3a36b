import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { EventChannel } from '../../src/index.js'
import { database, fresh, type Place } from '../support/databases.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine } from '../support/wait.js'
import { Taker, World } from '../support/world.js'

const test = suite('a transaction open for long on postgres')
const postgres = database('postgres')

/** How long a whole run may take on a busy machine, in milliseconds. */
const RUN_MS = 60_000
const DEAD_EVENTS = 40_000
const EVENTS = 100
/** Of a log, which keeps them apart for all channels. */
const DEAD_ENTRIES = 300_000
/** How much more an event may cost on a channel where so many others have died. */
const MOST_SLOWER = 3

/** A transaction that may still look at everything there is. */
async function openSnapshot(place: Place): Promise<AsyncDisposable> {
  const transaction = await place.begin()
  const client = transaction.handle as { query(text: string): Promise<unknown> }
  await client.query('set transaction isolation level repeatable read')
  await client.query('select txid_current()')
  return { [Symbol.asyncDispose]: () => transaction.rollback() }
}

/** A consumer that knows when each event arrived. */
function consume(channel: EventChannel, name: string): ReadonlyMap<string, number> {
  const arrivals = new Map<string, number>()
  channel.listen(name, ({ id }) => void arrivals.set(id, performance.now()), { concurrency: 100 })
  return arrivals
}

/** Publishes and handles many events; returns how long handling took, in milliseconds. */
async function drain({ channel }: World, arrivals: ReadonlyMap<string, number>): Promise<number> {
  await channel.publishMany(Array.from({ length: DEAD_EVENTS }, (_, i) => ({ channel: 'orders', payload: i })))
  const startedMs = performance.now()
  await eventually(RUN_MS, () => arrivals.size >= DEAD_EVENTS)
  return performance.now() - startedMs
}

function arrival(arrivals: ReadonlyMap<string, number>, id: string): Promise<number> {
  return eventually(5_000, () => arrivals.get(id), 1) as Promise<number>
}

test(
  'slows consumers down little: claims do not walk over what is dead',
  async () => {
    await using world = await World.open(fresh(postgres), { retentionMs: 0 })
    await using _snapshot = await openSnapshot(world.place)
    const dead = { name: 'orders', arrivals: consume(world.channel, 'orders'), times: [] as number[] }
    const empty = { name: 'others', arrivals: consume(world.channel, 'others'), times: [] as number[] }
    await drain(world, dead.arrivals)
    // Claims start a second before the last event.
    await sleep(1_100)
    // In turn, so that whatever else the machine does slows both.
    for (let i = 0; i < EVENTS; i++) {
      for (const { name, arrivals, times } of [dead, empty]) {
        const publishedMs = performance.now()
        const id = await world.channel.publish(name, i)
        times.push((await arrival(arrivals, id)) - publishedMs)
      }
    }
    const [deadMs = 0, emptyMs = 0] = [dead, empty].map(({ times }) => times.sort((a, b) => a - b)[EVENTS / 2])
    const found = `an event after ${DEAD_EVENTS} dead ones: ${deadMs.toFixed(1)} ms, else ${emptyMs.toFixed(1)} ms`
    console.log(found)
    assert.ok(deadMs < emptyMs * MOST_SLOWER, found)
  },
  RUN_MS,
)

test(
  'hides nothing for long that becomes ready before what was claimed: committed late, given back, of a lease that ended',
  async () => {
    await using world = await World.open(fresh(postgres))
    await using _snapshot = await openSnapshot(world.place)
    const { channel, place } = world
    // Three events older than all others: uncommitted, in hands that will give it back, in hands that will lose it.
    const transaction = await place.begin()
    const late = await channel.publish('orders', 'late', { tx: transaction.handle })
    await channel.publishMany(['nacked', 'expired'].map((payload) => ({ channel: 'orders', payload, priority: 2 })))
    const taker = new Taker(await world.another(), 'orders', { prefetch: 1 })
    const nacked = await taker.take()
    const expired = await taker.take()
    await taker.leave()
    const arrivals = consume(channel, 'orders')
    await drain(world, arrivals)
    await sleep(1_100)
    const steady = setInterval(() => {
      void channel.publish('orders', 'steady')
      void channel.publish('orders', 'steady', { priority: 2 })
    }, 10)
    try {
      const readyMs = performance.now()
      await transaction.commit()
      await place.sql(`update ${place.table('queue')} set lease_expires_at = now() where id = '${expired.id}'`)
      await nacked.nack()
      for (const id of [late, nacked.id, expired.id]) {
        const waitedMs = (await arrival(arrivals, id)) - readyMs
        assert.ok(waitedMs < onThisMachine(2_000), `arrived after ${waitedMs} ms`)
      }
    } finally {
      clearInterval(steady)
    }
  },
  RUN_MS,
)

test(
  'slows readers of a log down little, and hides from them for a second at most what was published long before',
  async () => {
    await using world = await World.open(fresh(postgres), { backend: 'log' })
    const { channel, place } = world
    const [waiting, arrivals] = [place.table('log_incoming'), new Map<string, number>()]
    const { ready } = channel.listen('orders', ({ id }) => void arrivals.set(id, performance.now()))
    await ready
    const measure = async () => {
      const times: number[] = []
      for (let i = 0; i < EVENTS; i++) {
        const publishedMs = performance.now()
        const id = await channel.publish('orders', i)
        times.push((await arrival(arrivals, id)) - publishedMs)
      }
      return times.sort((a, b) => a - b)[EVENTS / 2] ?? 0
    }
    // The two cannot be measured in turn: of three medians, the one with which the rest of the machine had least to do.
    const median = async () => Math.min(await measure(), await measure(), await measure())
    const beforeMs = await median()
    await using _snapshot = await openSnapshot(place)
    const insert = `insert into ${waiting} (id, channel, payload, created_at)`
    const old = "('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid"
    await place.sql(`${insert} select ${old}, 'orders', '0', now() from generate_series(1, ${DEAD_ENTRIES}) i`)
    await eventually(RUN_MS, async () => (await place.sql(`select 1 from ${waiting} limit 1`)).length === 0)
    const deadMs = await median()
    const found = `an event of a log after ${DEAD_ENTRIES} dead ones: ${deadMs.toFixed(1)} ms, else ${beforeMs.toFixed(1)} ms`
    console.log(found)
    assert.ok(deadMs < beforeMs * MOST_SLOWER, found)

    const late = '01900000-0000-7000-8000-ffffffffffff'
    const publishedMs = performance.now()
    await place.sql(`${insert} values ('${late}', 'orders', '"late"', now())`)
    const lateMs = (await arrival(arrivals, late)) - publishedMs
    assert.ok(lateMs < onThisMachine(3_000), `${lateMs} ms`)
  },
  RUN_MS,
)

test.run()
