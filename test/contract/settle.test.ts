import * as assert from 'uvu/assert'
import { DATABASES } from '../support/databases.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

for (const database of DATABASES) {
  const test = suite(`settling in trouble on ${database.name}`)
  const open = (options = {}) => World.open(database, options)

  /** A history that takes nothing more, until it does again. */
  const refusal = (world: World) => {
    const [history, name] = [world.place.table('history'), world.place.table('refuse')]
    const before = `create trigger ${name} before insert on ${history}`
    return {
      postgres: {
        refuse: [
          `create function ${name}() returns trigger language plpgsql as $$ begin raise 'no'; end $$`,
          `create trigger refuse before insert on ${history} for each row execute function ${name}()`,
        ],
        accept: `drop trigger refuse on ${history}`,
      },
      mysql: { refuse: [`${before} for each row signal sqlstate '45000'`], accept: `drop trigger ${name}` },
      sqlite: { refuse: [`${before} begin select raise(abort, 'no'); end`], accept: `drop trigger ${name}` },
    }[database.family]
  }

  test("an event whose ack is refused is nobody's when its lease ends, and comes again", async () => {
    await using world = await open({ leaseMs: 400 })
    const { refuse, accept } = refusal(world)
    const attempts: number[] = []
    world.channel.listen('orders', async (event) => {
      if (event.attempts === 1) for (const sql of refuse) await world.place.sql(sql)
      attempts.push(event.attempts)
    })
    await world.channel.publish('orders', 1)
    await eventually(SOON_MS, () => attempts.length === 1)
    await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.in_hand'] === 0)
    await world.place.sql(accept)
    await eventually(SOON_MS, () => attempts.length === 2)
    await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.ack'] === 1)
    assert.equal(attempts, [1, 2])
  })

  test('who claims its own event again, after its lease has ended, has lost what it had of it', async () => {
    await using world = await open()
    await world.channel.publish('orders', 1)
    const [first, second] = [new Taker(world.channel, 'orders'), new Taker(world.channel, 'orders')]
    const before = await first.take()
    await world.endLeases()
    const after = await within(SOON_MS, second.take())
    assert.is(after.id, before.id)
    assert.is(before.signal.aborted, true)
    const acks = await Promise.all([before.ack(), after.ack()])
    assert.equal(acks, [false, true])
    const { 'events.ack': acked, 'events.lease.lost': lost } = world.channel.telemetry.snapshot()
    assert.equal([acked, lost], [1, 1])
  })

  test('an id means the delivery whose lease still runs', async () => {
    await using world = await open()
    const id = await world.channel.publish('orders', 1)
    const [first, second] = [new Taker(world.channel, 'orders'), new Taker(world.channel, 'orders')]
    await first.take()
    await world.endLeases()
    await within(SOON_MS, second.take())
    assert.is(await world.channel.ack(id), true)
    const [stats] = await world.channel.stats('orders')
    assert.is(stats?.leased ?? 0, 0)
  })

  test.run()
}
