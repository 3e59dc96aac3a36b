import * as assert from 'uvu/assert'
import { Behind } from '../support/behind.js'
import { ON_SERVERS, type Place } from '../support/databases.js'
import { findProcesses } from '../support/mysql.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { Taker, type World } from '../support/world.js'

/*
 * A publish whose answer was lost is tried again: its events are in the log once, and others get their positions meanwhile.
 */

const PATIENCE_MS = 15_000
/** More than one statement takes. */
const MANY = 2_500

/** What each database has for it: how to keep others from a table, and to see who waits for it. */
const WORDS = {
  postgres: {
    lockTable: (table: string) => `lock table ${table} in access exclusive mode`,
    unlockTables: 'select',
    lockInserts: (table: string) => `lock table ${table} in share mode`,
    waiting: ({ sql }: Place, words: string) =>
      sql(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and replace(query, '"', '') like '%${words}%'`,
      ),
  },
  mysql: {
    lockTable: (table: string) => `lock tables ${table} write`,
    unlockTables: 'unlock tables',
    lockInserts: (table: string) => `select 1 from ${table} for update`,
    waiting: ({ sql }: Place, words: string) => findProcesses(sql, `replace(info, '\`', '') like '%${words}%'`),
  },
} as const

/** A transaction of somebody else's. */
async function begin({ place }: World) {
  const { handle, commit } = await place.begin()
  const run = (sql: string) => (handle as { query(sql: string): Promise<unknown> }).query(sql)
  return { run, commit }
}

async function payloadsOf({ channel }: World, name: string, count: number): Promise<unknown[]> {
  const taker = new Taker(channel, name, { from: 'earliest' })
  await channel.publish(name, 'the end')
  return (await taker.takeMany(count + 1)).map(({ payload }) => payload)
}

for (const db of ON_SERVERS) {
  const { name } = db
  const test = suite(`a publish to a log that is tried again on ${name}`)
  const words = WORDS[db.family === 'postgres' ? 'postgres' : 'mysql']
  const open = () => Behind.open(db, { backend: 'log' })
  const waits = ({ place }: World, what: string) =>
    eventually(PATIENCE_MS, async () => (await words.waiting(place, what)).length > 0)

  test('what is stored already is found, whoever gives positions', async () => {
    await using behind = await open()
    const other = await begin(behind.world)
    await other.run(`select 1 from ${behind.world.place.table('log_head')} for update`)
    const sprung = behind.proxy.trap({ after: [{ request: 'the-mark' }], how: 'cut' })
    await within(PATIENCE_MS, behind.channel.publish('orders', 'the-mark'), 'the publish')
    await sprung
    await other.commit()
    assert.equal(await payloadsOf(behind.world, 'orders', 1), ['the-mark', 'the end'])
  })

  test('the log is searched while others may give positions', async () => {
    await using behind = await open()
    const { world, proxy, channel } = behind
    await channel.publish('orders', 'first')
    const sprung = proxy.trap({ after: [{ request: 'the-mark' }], how: 'cut all' })
    const publishing = channel.publish('orders', 'the-mark')
    await within(PATIENCE_MS, sprung)
    const letIn = proxy.hold()
    const other = await begin(world)
    await other.run(words.lockTable(world.place.table('log')))
    letIn()
    await waits(world, `${world.place.table('log')} %`)
    await world.place.sql(`select 1 from ${world.place.table('log_head')} for update nowait`)
    await other.run(words.unlockTables)
    await other.commit()
    await within(PATIENCE_MS, publishing, 'the publish')
    assert.equal(await payloadsOf(world, 'orders', 2), ['first', 'the-mark', 'the end'])
  })

  test('what is committed after the search, and has its position before the lock, is stored once', async () => {
    await using behind = await open()
    const { world, proxy, channel } = behind
    const [log, incoming, head] = ['log', 'log_incoming', 'log_head'].map((table) => world.place.table(table))
    const sequencer = await begin(world)
    await sequencer.run(`select 1 from ${head} for update`)
    const blocker = await begin(world)
    await blocker.run(words.lockInserts(`${incoming}`))
    const publishing = channel.publish('orders', 'the-mark')
    await waits(world, `${incoming}`)
    proxy.cut()
    await waits(world, `as last_position%${head} %for update`)
    await blocker.commit()
    await eventually(PATIENCE_MS, async () => (await world.place.sql(`select 1 from ${incoming}`)).length === 1)
    const columns = 'id, channel, consumer_group, payload, metadata, created_at'
    await sequencer.run(`insert into ${log} (${columns}, position) select ${columns}, 1 from ${incoming}`)
    await sequencer.run(`delete from ${incoming}`)
    await sequencer.run(`update ${head} set position = 1`)
    await sequencer.commit()
    await within(PATIENCE_MS, publishing, 'the publish')
    assert.equal(await payloadsOf(world, 'orders', 1), ['the-mark', 'the end'])
  })

  for (const [when, after] of [
    ['before', [{ request: 'the-mark 1' }]],
    ['after', [{ request: 'the-mark 1' }, { request: 'commit' }]],
  ] as const) {
    test(`${MANY} events of two channels are stored once when the answer is lost ${when} the commit`, async () => {
      await using behind = await open()
      const { world, proxy, channel } = behind
      const events = Array.from({ length: MANY }, (_, n) => ({ channel: `c${n % 2}`, payload: `the-mark ${n}` }))
      const sprung = proxy.trap({ after, how: 'cut' })
      const ids = await within(PATIENCE_MS, channel.publishMany(events), 'the publish')
      await within(PATIENCE_MS, sprung)
      assert.is(new Set(ids).size, MANY)
      for (const name of ['c0', 'c1']) {
        const own = events.filter((event) => event.channel === name).map(({ payload }) => payload)
        assert.equal(await payloadsOf(world, name, own.length), [...own, 'the end'])
      }
    })
  }

  test.run()
}
