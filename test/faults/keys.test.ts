import * as assert from 'uvu/assert'
import { DATABASES, ON_SERVERS, type UserTransaction } from '../support/databases.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

const LEVELS = ['read committed', 'repeatable read', 'serializable'] as const

for (const db of ON_SERVERS) {
  const test = suite(`dedupe keys in transactions on ${db.name}`)

  /** A transaction of a user's at some level, which has read already, so that its snapshot is taken. */
  async function begin(world: World, level: string): Promise<UserTransaction> {
    const tx = await world.place.begin()
    const { query } = handleOf(tx)
    // On MySQL the level is that of the next transaction; on Postgres of this one.
    if (db.family === 'mysql') await query('rollback')
    await query(`set transaction isolation level ${level}`)
    if (db.family === 'mysql') await query('start transaction')
    await query(`select count(*) from ${world.place.table('migrations')}`)
    return tx
  }

  for (const level of LEVELS) {
    test(`${level}: an open transaction that met a taken key holds up neither its ack nor any other`, async () => {
      await using world = await World.open(db, { leaseMs: 2_000 })
      const id = await world.channel.publish('orders', 'keyed', { key: 'k' })
      const taker = new Taker(world.channel, 'orders')
      const keyed = await taker.take()
      const tx = await begin(world, level)
      assert.is(await world.channel.publish('orders', 'again', { key: 'k', tx: tx.handle }), id)
      await world.channel.publish('orders', 'other')
      const other = await taker.take()
      const acks = within(SOON_MS, Promise.all([keyed.ack(), other.ack()]), 'the acks')
      assert.equal(await acks, [true, true])
      // What is free again is taken anew, whatever the transaction's snapshot shows.
      const next = await within(SOON_MS, world.channel.publish('orders', 'next', { key: 'k' }), 'the next publish')
      assert.is.not(next, id)
      await tx.commit()
      assert.is((await taker.take()).id, next)
    })

    test(`${level}: a key that was freed after the transaction's snapshot is taken anew`, async () => {
      await using world = await World.open(db)
      const id = await world.channel.publish('orders', 'first', { key: 'k' })
      const taker = new Taker(world.channel, 'orders')
      const first = await taker.take()
      const tx = await begin(world, level)
      assert.is(await first.ack(), true)
      const second = await world.channel.publish('orders', 'second', { key: 'k', tx: tx.handle })
      assert.is.not(second, id)
      assert.is(await world.channel.publish('orders', 'third', { key: 'k', tx: tx.handle }), second)
      await tx.commit()
      assert.equal((await taker.take()).payload, 'second')
    })
  }

  for (const end of ['commit', 'rollback'] as const) {
    test(`of two transactions that take a key for the first time, one waits for the ${end} of the other`, async () => {
      await using world = await World.open(db)
      const [one, two] = [await begin(world, 'read committed'), await begin(world, 'read committed')]
      const first = await world.channel.publish('orders', 'one', { key: 'k', tx: one.handle })
      let answered = false
      const waiting = world.channel.publish('orders', 'two', { key: 'k', tx: two.handle }).finally(() => {
        answered = true
      })
      // Nobody else waits: not who takes other keys, nor who takes none.
      await within(SOON_MS, world.channel.publishMany([{ channel: 'orders', payload: 'x', key: 'other' }]))
      await within(SOON_MS, world.channel.publish('orders', 'y'))
      assert.is(answered, false)
      await one[end]()
      const second = await within(SOON_MS, waiting, 'the other publish')
      assert.is(second === first, end === 'commit')
      await two.commit()
      await eventually(SOON_MS, async () => (await world.channel.stats('orders'))[0]?.ready === 3)
    })
  }

  test.run()
}

for (const db of DATABASES) {
  const test = suite(`a busy dedupe key on ${db.name}`)

  test('a publish that resolves with the id of another event met that event alive, however fast it is acked', async () => {
    await using world = await World.open(db)
    const ackedAt = new Map<string, number>()
    const handler = (event: { id: string; ack(): Promise<boolean> }) =>
      event.ack().then((held) => void (held && ackedAt.set(event.id, performance.now())))
    await world.channel.listen('orders', handler, { concurrency: 8, autoAck: false }).ready
    const other = await world.another()
    const calls: { id: string; at: number }[] = []
    const publish = async (channel: typeof other) => {
      for (let i = 0; i < 60; i++) {
        const at = performance.now()
        const id = await channel.publish('orders', i, { key: 'k' })
        calls.push({ id, at })
      }
    }
    await Promise.all([world.channel, other, other].map(publish))
    await eventually(SOON_MS, () => calls.every(({ id }) => ackedAt.has(id)))
    for (const { id, at } of calls)
      assert.ok(Number(ackedAt.get(id)) > at, 'folded into an event that was acked before')
    assert.equal(await world.place.sql(`select id from ${world.place.table('dedupe')}`), [])
  })

  test.run()
}

function handleOf(tx: UserTransaction): { query(sql: string): Promise<unknown> } {
  const handle = tx.handle as { query(sql: string): Promise<unknown> }
  return { query: (sql) => handle.query(sql) }
}
