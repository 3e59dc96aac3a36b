import * as assert from 'uvu/assert'
import type { Gap } from '../../src/index.js'
import { DATABASES } from '../support/databases.js'
import { recorder } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { Taker, World } from '../support/world.js'

const PATIENCE_MS = 15_000

for (const database of DATABASES) {
  const test = suite(`readers that retention has passed on ${database.name}`)

  /** A log whose events have been read by nobody, and whose first five are deleted. */
  async function passed(world: World): Promise<readonly number[]> {
    const { channel, place } = world
    await channel.publishMany(Array.from({ length: 8 }, (_, payload) => ({ channel: 'orders', payload })))
    await channel.publish('mails', 1)
    const events = await new Taker(channel, 'orders', { from: 'earliest' }).takeMany(8)
    const positions = events.map(({ position }) => Number(position))
    const column = database.family === 'postgres' ? 'position' : '`position`'
    const old = `${column} <= ${positions[4]}`
    await place.sql(`update ${place.table('log')} set created_at = ${database.ago(3_600)} where ${old}`)
    // The longest that is asked for holds, and this is to be the only one.
    await place.sql(`delete from ${place.table('retention')}`)
    const purger = await world.another({ retentionMs: 10_000 })
    await eventually(PATIENCE_MS, async () => {
      const [row] = await place.sql(`select count(*) as count from ${place.table('log')} where ${old}`)
      return Number(row?.count) === 0
    })
    await purger.close()
    return positions
  }

  test('a reader that begins at a position which retention has passed is told', async () => {
    const logger = recorder()
    await using world = await World.open(database, { backend: 'log', logger })
    const positions = await passed(world)
    const gaps: Gap[] = []
    const onGap = (gap: Gap) => void gaps.push(gap)
    // Another object, which keeps none of the newest in memory.
    const other = await world.another()
    const taker = new Taker(other, ['orders', 'mails'], { from: Number(positions[1]), onGap })
    assert.is((await taker.take()).payload, 5)
    assert.equal(gaps, [{ reason: 'retention', channels: ['orders'], missed: undefined }])
    const warnings = logger.lines.filter(({ level }) => level === 'warn')
    assert.ok(warnings.some(({ message }) => /retention has deleted events/.test(message)))
    assert.is(other.telemetry.snapshot()['events.gap'], 1)
  }, 40_000)

  test('one that begins where retention ended, at the start or at the end has missed nothing', async () => {
    await using world = await World.open(database, { backend: 'log' })
    const positions = await passed(world)
    const gaps: Gap[] = []
    const onGap = (gap: Gap) => void gaps.push(gap)
    for (const from of [Number(positions[4]), 'earliest', 0] as const) {
      const taker = new Taker(await world.another(), 'orders', { from, onGap })
      assert.is((await taker.take()).payload, 5)
    }
    const latest = new Taker(world.channel, 'orders', { from: 'latest', onGap })
    await latest.subscription.ready
    await world.channel.publish('orders', 'new')
    assert.is((await latest.take()).payload, 'new')
    assert.equal(gaps, [])
  }, 40_000)

  test('a group that let go of what it had not read is told when it goes on', async () => {
    await using world = await World.open(database, { backend: 'log', dropUnread: true })
    const first = new Taker(world.channel, 'orders', { group: 'g', from: 'earliest' })
    await world.channel.publish('orders', 'first')
    assert.ok(await (await first.take()).ack())
    await first.leave()
    await passed(world)
    const gaps: Gap[] = []
    const other = await world.another()
    const again = new Taker(other, 'orders', { group: 'g', onGap: (gap) => void gaps.push(gap) })
    // The first of the eight that were looked at is the one that the group has read.
    assert.is((await again.take()).payload, 4)
    assert.equal(
      gaps.map(({ reason, channels }) => [reason, channels]),
      [['retention', ['orders']]],
    )
  }, 40_000)

  test.run()
}
