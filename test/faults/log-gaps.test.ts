import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import * as assert from 'uvu/assert'
import { EventChannel } from '../../src/index.js'
import type { ServerName } from '../support/chosen.js'
import { ON_SERVERS, serverUrl } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { seeded } from '../support/random.js'
import { suite } from '../support/suite.js'
import { tally } from '../support/tally.js'
import { eventually, onThisMachine } from '../support/wait.js'

/*
 * Positions are given after the commit: writers may take their time, and nobody passes over what they write.
 */

const RUN_MS = 90_000
const WRITING_MS = 6_000
/** Longest that a transaction stays open, in milliseconds. */
const MAX_OPEN_MS = 2_000
/** Events in one publishMany: enough for positions of their own on the way in. */
const MANY = 20
const SEED = 20_261_121

for (const db of ON_SERVERS) {
  const { name } = db
  const test = suite(`writers that commit out of order on ${name}`)

  for (const writers of [8, 32]) {
    test(
      `${writers} writers, transactions of up to ${MAX_OPEN_MS} ms and many events at once, others open all the time: nobody misses an event, nor waits`,
      async () => {
        await using place = await db.place()
        await using _ = await idleTransactions(name)
        const options = { backend: 'log', pollIntervalMs: 100, logger: silent, ...place.options } as const
        await using publisher = await EventChannel.open(place.url, options)
        await using reader = await EventChannel.open(place.url, options)
        const committed = new Map<string, number>()
        const rolledBack = new Set<string>()
        const read: string[] = []
        const grouped: string[] = []
        let slowestMs = 0
        const take = (into: string[]) => (event: { payload: unknown }) => {
          const payload = String(event.payload)
          into.push(payload)
          const atMs = committed.get(payload)
          if (atMs !== undefined) slowestMs = Math.max(slowestMs, performance.now() - atMs)
        }
        const subscriptions = [
          reader.listen('orders', take(read)),
          reader.listen('orders', take(grouped), { group: 'g', concurrency: 10 }),
        ]
        await Promise.all(subscriptions.map(({ ready }) => ready))

        const rng = seeded(SEED + writers)
        const until = performance.now() + WRITING_MS
        const write = async (writer: number) => {
          await using connection = await connect(name, place.url)
          for (let i = 0; performance.now() < until; i++) {
            const payload = `${writer}-${i}`
            if (rng() < 0.3) {
              const many = Array.from({ length: MANY }, (_, n) => `${payload}-${n}`)
              await publisher.publishMany(many.map((payload) => ({ channel: 'orders', payload })))
              for (const payload of many) committed.set(payload, performance.now())
              continue
            }
            await connection.run('begin')
            await publisher.publish('orders', payload, { tx: connection.handle })
            // Most are short, some are long.
            await sleep(rng() < 0.7 ? rng() * 50 : rng() * MAX_OPEN_MS)
            const keeps = rng() < 0.8
            await connection.run(keeps ? 'commit' : 'rollback')
            if (keeps) committed.set(payload, performance.now())
            else rolledBack.add(payload)
          }
        }
        await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
        await eventually(20_000, () => read.length >= committed.size && grouped.length >= committed.size)
        for (const seen of [read, grouped]) {
          assert.is(new Set(seen).size, seen.length, 'an event came twice')
          assert.equal(
            [...committed.keys()].filter((payload) => !seen.includes(payload)),
            [],
          )
          assert.equal(
            seen.filter((payload) => rolledBack.has(payload)),
            [],
          )
        }
        // A writer's events come in the order in which it committed them.
        for (let writer = 0; writer < writers; writer++) {
          const own = (payload: string) => payload.startsWith(`${writer}-`)
          assert.equal(read.filter(own), [...committed.keys()].filter(own))
        }
        assert.ok(committed.size > writers * 5, `only ${committed.size} events`)
        assert.ok(slowestMs < onThisMachine(1_500), `the slowest took ${slowestMs} ms from its commit`)
        tally(`commits out of order: log, ${writers} writers`, name, {
          violations: [],
          events: committed.size,
          deliveries: read.length + grouped.length,
          lost: 0,
          wronglyRedelivered: 0,
          longestStallS: Math.round(slowestMs) / 1_000,
        })
      },
      RUN_MS,
    )
  }

  test.run()
}

interface Connection extends AsyncDisposable {
  readonly handle: unknown
  run(sql: string): Promise<unknown>
}

async function connect(name: ServerName, url: string): Promise<Connection> {
  if (name !== 'postgres') {
    const connection = await createConnection({ uri: url })
    return {
      handle: connection,
      run: (sql) => connection.query(sql),
      [Symbol.asyncDispose]: () => connection.end(),
    }
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return { handle: client, run: (sql) => client.query(sql), [Symbol.asyncDispose]: () => client.end() }
}

/** One transaction in the test's database, and one in another of the same server, both with a snapshot and a write. */
async function idleTransactions(name: ServerName): Promise<AsyncDisposable> {
  const url = serverUrl(name)
  const elsewhere = new URL(url)
  elsewhere.pathname = name === 'postgres' ? '/postgres' : '/'
  const connections = [await connect(name, url), await connect(name, elsewhere.href)]
  const snapshot =
    name === 'postgres' ? 'begin isolation level repeatable read' : 'start transaction with consistent snapshot'
  for (const { run } of connections) {
    await run(snapshot)
    if (name === 'postgres') await run('select pg_current_xact_id()')
  }
  return {
    async [Symbol.asyncDispose]() {
      for (const connection of connections) await connection[Symbol.asyncDispose]()
    },
  }
}
