import * as assert from 'uvu/assert'
import type { BackendName, ChannelOptions } from '../../src/index.js'
import { DATABASES, database, type TestDatabase } from './databases.js'
import { SOON_MS, Taker, World } from './world.js'

/** A backend on a database: where the same call must meet the same answer. */
export interface Setting {
  readonly name: string
  readonly database: TestDatabase
  readonly backend: BackendName
  open(options?: ChannelOptions): Promise<World>
}

function setting(where: TestDatabase, backend: BackendName): Setting {
  return {
    name: `${backend} on ${where.name}`,
    database: where,
    backend,
    open: (options = {}) => World.open(where, { backend, ...options }),
  }
}

export const SETTINGS: readonly Setting[] = [
  ...DATABASES.map((each) => setting(each, 'queue')),
  setting(database('postgres'), 'notify'),
]

const TABLES = ['queue', 'scheduled', 'history', 'dead_letter', 'dedupe', 'spill']

/** Rows in the tables that are not empty; a table that was never made has none. */
export async function stored(world: World): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of TABLES) {
    const query = world.place.sql(`select count(*) as count from ${world.place.table(table)}`)
    const [row] = await query.catch(() => [])
    if (Number(row?.count ?? 0) > 0) counts[table] = Number(row?.count)
  }
  return counts
}

/** Asserts that nothing was stored or half done, and that the channel still carries events. */
export async function assertUnharmed(world: World): Promise<void> {
  assert.equal(await stored(world), {})
  await assertCarries(world)
}

/** Asserts that the channel still carries events. */
export async function assertCarries(world: World): Promise<void> {
  const taker = new Taker(world.channel, 'afterwards')
  const id = await world.channel.publish('afterwards', 'usable')
  const event = await taker.take(SOON_MS)
  assert.equal([event.id, event.payload], [id, 'usable'])
  assert.is(await event.ack(), true)
  await taker.leave()
}
