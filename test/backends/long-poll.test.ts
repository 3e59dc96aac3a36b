import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPool as createCallbackPool } from 'mysql2'
import { createPool } from 'mysql2/promise'
import * as assert from 'uvu/assert'
import { defer, handled } from '../../src/common/wait.js'
import type { SqlContext } from '../../src/engines/sql/context.js'
import { LongPoll } from '../../src/engines/sql/flow/long-poll.js'
import { Rhythm } from '../../src/engines/sql/flow/rhythm.js'
import { mysql } from '../../src/engines/sql/mysql.js'
import { longPollQueue } from '../../src/engines/sql/verbs/claim.js'
import { EventChannel } from '../../src/index.js'
import { MYSQL_FAMILY, type Place } from '../support/databases.js'
import { recorder, silent } from '../support/logger.js'
import { findProcesses } from '../support/mysql.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/* Consumers on MySQL and MariaDB wait at the server, in a statement that sees what is not committed yet. */

/** Nothing that takes less was found by a look at the poll interval. */
const SELDOM_MS = 60_000
/** Number 0 in its sequence, error 1158. */
const ERROR_PACKET = Buffer.from('\x09\x00\x00\x00\xff\x86\x04#08S01', 'latin1')
const LONG_POLLS = "state = 'User sleep' and info like '%sleep(n.seconds)%'"

const openOn = (pool: object, { options }: Place) =>
  EventChannel.open(mysql({ pool }), { backend: 'queue', logger: silent, pollIntervalMs: SELDOM_MS, ...options })

/** How many wait at the server for this place's tables. */
async function countPolls({ sql, table }: Place): Promise<number> {
  const ours = `info like '%${table('queue').replace('_', '\\_')}%'`
  return (await findProcesses(sql, `${LONG_POLLS} and ${ours}`)).length
}

for (const database of MYSQL_FAMILY) {
  const test = suite(`long polls on ${database.name}`)

  test('what is seen before its commit is handed out after it, and never where it is rolled back', async () => {
    await using world = await World.open(database, { pollIntervalMs: SELDOM_MS })
    const consumer = new Taker(await world.another(), 'orders')
    const next = consumer.take(20_000)
    await consumer.subscription.ready
    await eventually(SOON_MS, () => countPolls(world.place))
    const [dropped, kept] = [await world.place.begin(), await world.place.begin()]
    await world.channel.publish('orders', 'dropped', { tx: dropped.handle })
    await world.channel.publish('orders', 'kept', { tx: kept.handle })
    assert.is(await Promise.race([next, sleep(1_500)]), undefined)
    await dropped.rollback()
    assert.is(await Promise.race([next, sleep(500)]), undefined)
    await kept.commit()
    const committedMs = performance.now()
    assert.is((await next).payload, 'kept')
    assert.ok(performance.now() - committedMs < onThisMachine(1_000), `${performance.now() - committedMs} ms`)
  })

  test('all objects on a pool have a quarter of it, however it was passed', async () => {
    await using place = await database.place()
    for (const pool of [
      createPool({ uri: place.url, connectionLimit: 8 }),
      createCallbackPool({ uri: place.url, connectionLimit: 8 }),
    ]) {
      const channels = await Promise.all(Array.from({ length: 6 }, () => openOn(pool, place)))
      const takers = channels.map((channel, i) => new Taker(channel, `orders ${i}`))
      const waiting = takers.map((taker) => handled(taker.take(20_000)))
      await eventually(SOON_MS, async () => (await countPolls(place)) === 2)
      for (let i = 0; i < 20; i++) {
        await sleep(50)
        // One that has just ended may still be in the list, which is no picture of one moment.
        const polls = await countPolls(place)
        assert.ok(polls <= 4, `${polls} at once`)
      }
      for (const i of takers.keys()) await channels[0]?.publish(`orders ${i}`, i)
      for (const event of await within(SOON_MS, Promise.all(waiting), 'every event')) await event.ack()
      for (const channel of channels) await channel.close({ drainMs: 0 })
      // The server does not notice that nobody waits for the answer any more.
      await eventually(SOON_MS, async () => (await countPolls(place)) === 0)
      await ('promise' in pool ? pool.promise() : pool).end()
    }
  })

  test('closing in the middle of one leaves no connection behind, and the driver has nothing to say', async () => {
    await using world = await World.open(database, { pollIntervalMs: SELDOM_MS })
    await using way = await Farewell.open(world.place.url)
    const said: unknown[] = []
    const { error } = console
    console.error = (...words) => said.push(words)
    try {
      const channel = await world.another({}, way.url)
      const waiting = handled(new Taker(channel, 'orders').take())
      await eventually(SOON_MS, async () => (await countPolls(world.place)) === 1)
      await Promise.allSettled([channel.close({ drainMs: 0 }), waiting])
      await eventually(SOON_MS, () => way.said > 0)
      await eventually(SOON_MS, async () => (await countPolls(world.place)) === 0)
    } finally {
      console.error = error
    }
    assert.equal(said, [])
  })

  test('a pool of three has none to spare: it is probed, and goes on', async () => {
    await using place = await database.place()
    const pool = createPool({ uri: place.url, connectionLimit: 3 })
    const channel = await openOn(pool, place)
    const taker = new Taker(channel, 'orders')
    const next = taker.take()
    await sleep(500)
    assert.is(await countPolls(place), 0)
    await (await openOn(pool, place)).publish('orders', 1)
    assert.is((await next).payload, 1)
    await channel.close({ drainMs: 0 })
    await pool.end()
  })

  test('closing in the middle of one leaves no connection of the pool at its level', async () => {
    await using place = await database.place()
    await place.sql(`create table ${place.table('mine')} (a integer)`)
    for (let round = 0; round < 3; round++) {
      const pool = createPool({ uri: place.url, connectionLimit: 4 })
      const channel = await openOn(pool, place)
      const taker = new Taker(channel, 'orders')
      taker.take(SOON_MS).catch(() => undefined)
      await taker.subscription.ready
      await sleep(300)
      // As soon as the statement that sets the level is on its way.
      const core = pool.pool as unknown as { _allConnections: { toArray(): { _command?: { sql?: string } }[] } }
      const isSetting = () =>
        core._allConnections.toArray().some(({ _command }) => /read uncommitted/.test(String(_command?.sql)))
      const untilMs = performance.now() + 3_000
      while (!isSetting() && performance.now() < untilMs) await new Promise((resolve) => setImmediate(resolve))
      await channel.close({ drainMs: 0 })
      const connections = await Promise.all(Array.from({ length: 4 }, () => pool.getConnection()))
      for (const connection of connections) {
        await connection.query(`insert into ${place.table('mine')} values (1)`)
        connection.release()
      }
      await pool.end()
    }
  })

  test('it holds up a change of the tables for no longer than it waits', async () => {
    await using world = await World.open(database, { pollIntervalMs: SELDOM_MS })
    new Taker(world.channel, 'orders').take(SELDOM_MS).catch(() => undefined)
    await eventually(SOON_MS, () => countPolls(world.place))
    await within(SOON_MS, world.place.sql(`alter table ${world.place.table('queue')} comment = 'changed'`))
  })

  test('a server that ends it is probed instead, and that is said once', async () => {
    await using place = await database.place()
    const limit = database.name === 'mysql' ? 'max_execution_time = 300' : 'max_statement_time = 0.3'
    const pool = createPool({ uri: place.url, connectionLimit: 8 })
    pool.pool.on('connection', (connection) => void connection.query(`set session ${limit}`))
    const logger = recorder()
    const options = { backend: 'queue', logger, pollIntervalMs: SELDOM_MS, ...place.options } as const
    const channel = await EventChannel.open(mysql({ pool }), options)
    const taker = new Taker(channel, 'orders')
    const next = taker.take()
    const told = () => logger.lines.filter(({ message }) => message.includes('waiting at the server'))
    await eventually(SOON_MS, () => told().length > 0)
    await (await openOn(pool, place)).publish('orders', 1)
    assert.is((await next).payload, 1)
    assert.is(told().length, 1)
    await channel.close({ drainMs: 0 })
    await pool.end()
  })

  test.run()
}

const test = suite('long polls by themselves')

/** One whose poll answers when the test says so. */
function open(longPoll: () => Promise<boolean | undefined>) {
  let nowMs = 0
  const rhythm = new Rhythm(() => nowMs)
  nowMs = 1_000
  const context = { database: { longPoll }, options: { logger: silent } } as unknown as SqlContext
  const ended = defer<boolean>()
  const poll = new LongPoll(context, rhythm, ended.resolve)
  const begin = () => poll.begin((naps) => longPollQueue(['orders'], naps), ['orders'], 1_000, 1_000)
  return { poll, begin, ended: ended.promise }
}

test('what it saw is confirmed by probes after growing pauses, and forgotten where nobody waits', async () => {
  const { poll, begin, ended } = open(async () => true)
  assert.ok(poll.isWanted && begin())
  assert.is(
    poll.covers(() => ['orders']),
    true,
  )
  assert.is(
    poll.covers(() => ['orders', 'others']),
    false,
  )
  assert.is(await ended, true)
  assert.is(poll.isWanted, false)
  const pauses = Array.from({ length: 7 }, () => {
    poll.noteProbe(false)
    return poll.confirmMs
  })
  assert.equal(pauses, [1, 2, 4, 8, 16, 32, 64])
  poll.noteProbe(false)
  assert.equal([poll.confirmMs, poll.isWanted], [Number.POSITIVE_INFINITY, true])
  const other = open(async () => true)
  other.begin()
  await other.ended
  other.poll.forget()
  assert.equal([other.poll.confirmMs, other.poll.isWanted], [Number.POSITIVE_INFINITY, true])
})

test('where no connection can be spared, it rests', async () => {
  const { poll, begin, ended } = open(async () => undefined)
  begin()
  assert.is(await ended, false)
  assert.is(poll.isWanted, false)
})

test.run()

/** A way to the server that answers a client which leaves as MySQL now and then does: by an error that no command asked for. */
class Farewell implements AsyncDisposable {
  readonly url: string
  readonly #server: Server
  said = 0

  private constructor(server: Server, url: string) {
    this.#server = server
    this.url = url
  }

  static async open(url: string): Promise<Farewell> {
    const [server, address] = [createServer({ allowHalfOpen: true }), new URL(url)]
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const farewell = new Farewell(
      server,
      Object.assign(new URL(url), { port: (server.address() as AddressInfo).port }).href,
    )
    server.on('connection', (client) => farewell.#carry(client, connect(Number(address.port), address.hostname)))
    return farewell
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
  }

  #carry(client: Socket, server: Socket): void {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('data', (bytes) => to.write(bytes))
      from.on('error', () => undefined)
      from.on('close', () => to.destroy())
    }
    client.on('end', () => {
      client.write(ERROR_PACKET, () => this.said++)
      setTimeout(() => client.destroy(), 100)
    })
  }
}
