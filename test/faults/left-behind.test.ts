import { readdirSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { type BackendName, EventChannel } from '../../src/index.js'
import type { Belongings, LeaverConfig } from '../support/actors/leaver.js'
import { runProgram } from '../support/actors/program.js'
import { DATABASES, database, type Place, type TestDatabase } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { collectGarbage } from '../support/memory.js'
import { findProcesses } from '../support/mysql.js'
import { openRunDatabase } from '../support/servers/find.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'

/*
 * What a closed channel leaves behind: nothing.
 */

const test = suite('left behind')
const PATIENCE_MS = 60_000
/** How often a channel is opened and closed, unless `ROWCAST_TEST_ROUNDS` says otherwise. */
const ROUNDS = { queue: 60, notify: 50, log: 50 } as const
/** What a round may add to the heap, in bytes: less than anything that belongs to a channel, more than warming up does. */
const LEAK_BYTES = 10_000

/** How often that is measured at most. */
const SERIES = 3

interface Home extends AsyncDisposable {
  readonly place: Place
  /** Connections of others than the place's own. */
  connections(): Promise<number>
}

const CASES: readonly (readonly [TestDatabase, BackendName])[] = [
  ...DATABASES.map((db) => [db, 'queue'] as const),
  [database('postgres'), 'notify'],
  ...DATABASES.map((db) => [db, 'log'] as const),
]

/** A database of the test's own, so that its connections can be counted. */
async function openHome(db: TestDatabase): Promise<Home> {
  const { name } = db
  if (name === 'sqlite') {
    const place = await db.place()
    return { place, connections: async () => 0, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() }
  }
  const own = await openRunDatabase(name)
  const place = await db.place(own.url)
  const others =
    "select 1 from pg_stat_activity where datname = current_database() and application_name like 'rowcast%'"
  const connections = async () =>
    db.name === 'postgres' ? place.sql(others) : findProcesses(place.sql, 'db = database()')
  return {
    place,
    connections: async () => (await connections()).length,
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]()
      await own[Symbol.asyncDispose]()
    },
  }
}

for (const [db, backend] of CASES) {
  const rounds = Number(process.env.ROWCAST_TEST_ROUNDS ?? ROUNDS[backend])

  test(
    `${db.name} ${backend}: after close the process ends by itself and has nothing open`,
    async () => {
      await using home = await openHome(db)
      const config: LeaverConfig = {
        url: home.place.url,
        options: { backend, ...home.place.options },
      }
      const { stdout, stderr, code } = await runProgram('leaver', config, PATIENCE_MS / 2)
      assert.is(code, 0, stderr)
      assert.is(stderr, '')
      const { before, after } = JSON.parse(stdout) as { before: Belongings; after: Belongings }
      assert.equal(after, before)
      const own = after.resources.filter((kind) => kind !== 'PipeWrap' && kind !== 'TTYWrap')
      assert.equal(own, [], `still open: ${own.join(', ')}`)
      await eventually(PATIENCE_MS / 4, async () => (await home.connections()) === 0)
    },
    PATIENCE_MS,
  )

  test(
    `${db.name} ${backend}: opened and closed ${rounds} times, it leaks no memory, file or connection`,
    async () => {
      await using home = await openHome(db)
      const { place } = home
      const options = { backend, logger: silent, ...place.options }
      const channels: WeakRef<EventChannel>[] = []
      const round = async () => {
        const channel = await EventChannel.open(place.url, options)
        channels.push(new WeakRef(channel))
        const subscription = channel.subscribe('orders')
        await subscription.ready
        await channel.publish('orders', 1)
        for await (const event of subscription) {
          await event.ack()
          break
        }
        await channel.close()
      }
      for (let i = 0; i < 20; i++) await round()
      const count = () => ({
        files: readdirSync('/proc/self/fd').length,
        resources: process.getActiveResourcesInfo().length,
      })
      const before = count()
      /** The bytes that a round has added to the heap, of as many. */
      const series = async () => {
        const heapBefore = collectGarbage()
        for (let i = 0; i < rounds; i++) await round()
        await eventually(PATIENCE_MS / 4, () => count().files <= before.files && count().resources <= before.resources)
        // The last one may still be on the stack; what is held for a moment more is no leak.
        const kept = () => channels.filter((channel) => channel.deref() !== undefined).length
        await eventually(PATIENCE_MS / 4, () => collectGarbage() > 0 && kept() <= 1, 100).catch(() =>
          assert.unreachable(`${kept()} channels are still held`),
        )
        return (collectGarbage() - heapBefore) / rounds
      }
      // What the engine keeps of code that has become hot is there once; a leak is there in every series.
      const leaked: number[] = []
      while (leaked.length < SERIES && !leaked.some((bytes) => bytes < LEAK_BYTES)) leaked.push(await series())
      assert.ok(
        leaked.some((bytes) => bytes < LEAK_BYTES),
        `${leaked.map(Math.round).join(', ')} bytes a round`,
      )
      await eventually(PATIENCE_MS / 4, async () => (await home.connections()) === 0)
    },
    PATIENCE_MS + SERIES * rounds * 1_000,
  )
}

test.run()
