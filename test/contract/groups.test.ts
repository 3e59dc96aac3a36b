import * as assert from 'uvu/assert'
import { sleep } from '../../src/common/wait.js'
import type { ChannelOptions, EventMessage } from '../../src/index.js'
import { DATABASES } from '../support/databases.js'
import { rejects, throws } from '../support/errors.js'
import { recorder } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

const payloads = (events: readonly { payload: unknown }[]) => events.map(({ payload }) => payload)
const numbered = (channel: string, count: number) =>
  Array.from({ length: count }, (_, payload) => ({ channel, payload }))
/** Nothing comes; what comes later is for the next who takes. */
async function getsNothing(taker: Taker, ms: number): Promise<void> {
  const event = await Promise.race([taker.take(SOON_MS).catch(() => undefined), sleep(ms)])
  assert.is(event, undefined, `got ${JSON.stringify(event?.payload)}`)
}
const READS = { group: 'g', from: 'earliest' } as const

for (const database of DATABASES) {
  const test = suite(`groups of a log on ${database.name}`)
  const open = (options: ChannelOptions = {}) =>
    World.open(database, { backend: 'log', pollIntervalMs: 100, ...options })
  const expire = ({ place }: World) =>
    place.sql(`update ${place.table('checkpoint')} set lease_expires_at = ${database.ago(0)}`)

  test('one member reads, the other stands by', async () => {
    await using world = await open()
    const seen: [string, unknown][] = []
    const join = async (name: string) => {
      const channel = await world.another()
      return channel.listen('orders', ({ payload }) => void seen.push([name, payload]), READS).ready
    }
    await Promise.all([join('a'), join('b'), join('c')])
    await world.channel.publishMany(numbered('orders', 100))
    await eventually(SOON_MS, () => seen.length === 100)
    assert.equal(
      seen.map(([, payload]) => payload),
      Array.from({ length: 100 }, (_, i) => i),
    )
    assert.is(new Set(seen.map(([name]) => name)).size, 1)
  })

  test('a group goes on where it was, whatever from says then', async () => {
    await using world = await open()
    await world.channel.publishMany(numbered('orders', 5))
    const first = await world.another()
    for (const event of await new Taker(first, 'orders', READS).takeMany(3)) assert.is(await event.ack(), true)
    await first.close()
    for (const from of ['latest', 'earliest'] as const) {
      const channel = await world.another()
      const event = await new Taker(channel, 'orders', { group: 'g', from }).take()
      assert.equal([event.payload, event.attempts], [3, 1])
      await channel.close({ drainMs: 0 })
    }
  })

  test('groups read for themselves; a new one begins at the end unless told otherwise', async () => {
    await using world = await open()
    await world.channel.publishMany(numbered('orders', 2))
    const fresh = new Taker(world.channel, 'orders', { group: 'fresh' })
    await fresh.subscription.ready
    await world.channel.publish('orders', 'new')
    assert.is((await fresh.take()).payload, 'new')
    for (const group of ['one', 'two']) {
      const events = await new Taker(world.channel, 'orders', { group, from: 'earliest' }).takeMany(3)
      assert.equal(payloads(events), [0, 1, 'new'])
    }
  })

  test('when the active member closes, the one that stands by has its place at once', async () => {
    await using world = await open({ leaseMs: 60_000 })
    const active = await world.another()
    const first = new Taker(active, 'orders', READS)
    await world.channel.publishMany(numbered('orders', 3))
    await (await first.take()).ack()
    const held = await first.take()
    const second = new Taker(await world.another(), 'orders', READS)
    await second.subscription.ready
    const taking = second.take(SOON_MS)
    await active.close({ drainMs: 0 })
    assert.ok(held.signal.aborted)
    const begun = performance.now()
    const event = await taking
    assert.equal([event.payload, event.attempts], [1, 1])
    assert.ok(performance.now() - begun < 1_500, 'it took the end of a lease')
  })

  test('a listener that stops drains its handlers, then steps down', async () => {
    await using world = await open({ leaseMs: 60_000 })
    let finish: (() => void) | undefined
    const handled: unknown[] = []
    const listener = world.channel.listen(
      'orders',
      async ({ payload }) => {
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        handled.push(payload)
      },
      READS,
    )
    await world.channel.publishMany(numbered('orders', 2))
    await eventually(SOON_MS, () => finish !== undefined)
    const stopping = listener.stop()
    const other = new Taker(await world.another(), 'orders', READS)
    const taking = other.take()
    finish?.()
    await stopping
    assert.equal(handled, [0])
    assert.is((await taking).payload, 1)
  })

  test('a member whose lease ended is cut off: its event is lost to it, its ack refused', async () => {
    await using world = await open({ leaseMs: 60_000 })
    const first = new Taker(world.channel, 'orders', READS)
    await world.channel.publishMany(numbered('orders', 2))
    const held = await first.take()
    const { signal } = held
    await expire(world)
    const event = await new Taker(await world.another(), 'orders', READS).take()
    assert.equal([event.payload, event.attempts], [0, 2])
    assert.is(await held.ack(), false)
    assert.ok(signal.aborted)
    assert.is(world.channel.telemetry.snapshot()['events.lease.lost'], 1)
    assert.is(await event.ack(), true)
  })

  test('the heartbeat keeps the lease while a handler works', async () => {
    await using world = await open({ leaseMs: 500 })
    const held = await (async () => {
      const taker = new Taker(world.channel, 'orders', READS)
      await world.channel.publish('orders', 1)
      return taker.take()
    })()
    const other = new Taker(await world.another(), 'orders', READS)
    await getsNothing(other, 700)
    assert.is(await held.ack(), true)
    assert.ok(!held.signal.aborted)
  })

  test('events are settled in any order, and the checkpoint is the contiguous low-water mark', async () => {
    await using world = await open()
    await world.channel.publishMany(numbered('orders', 4))
    const events = await new Taker(world.channel, 'orders', READS).takeMany(4)
    const position = async () => (await world.channel.groups.get('g', 'orders'))?.position
    const [first, second, third, fourth] = events as [EventMessage, EventMessage, EventMessage, EventMessage]
    assert.is(await third.ack(), true)
    assert.is(await second.ack(), true)
    assert.is(await position(), 0)
    assert.is(await first.ack(), true)
    assert.is(await position(), third.position)
    assert.is(await fourth.ack(), true)
    assert.is(await position(), fourth.position)
    assert.is((await world.channel.groups.get('g', 'orders'))?.lag, 0)
  })

  test('a nacked event is delivered again in place after its delay, and holds up no other', async () => {
    await using world = await open()
    await world.channel.publishMany(numbered('orders', 3))
    const taker = new Taker(world.channel, 'orders', READS)
    const begun = performance.now()
    assert.is(await (await taker.take()).nack({ delayMs: 200 }), true)
    for (const payload of [1, 2]) {
      const event = await taker.take()
      assert.is(event.payload, payload)
      await event.ack()
    }
    const again = await taker.take()
    assert.equal([again.payload, again.attempts], [0, 2])
    assert.ok(performance.now() - begun >= 195)
    await again.ack()
    assert.is((await world.channel.groups.get('g', 'orders'))?.lag, 0)
  })

  test('after its last attempt an event is a dead letter of its group, which moves on', async () => {
    const logger = recorder()
    await using world = await open({ logger, maxAttempts: 2 })
    const seen: unknown[] = []
    const handler = ({ payload }: EventMessage) => {
      seen.push(payload)
      if (payload === 1) throw new Error('cannot handle 1')
    }
    world.channel.listen('orders', handler, { ...READS, backoff: { minMs: 1, maxMs: 1 } })
    const other = new Taker(world.channel, 'orders', { ...READS, group: 'other' })
    await world.channel.publishMany(numbered('orders', 3))
    await eventually(SOON_MS, () => world.channel.telemetry.snapshot()['events.dead'] === 1 && seen.length === 4)
    assert.equal(seen.toSorted(), [0, 1, 1, 2])
    const [letter, ...others] = await world.channel.deadLetters.list()
    assert.is(others.length, 0)
    assert.equal([letter?.group, letter?.channel, letter?.payload, letter?.attempts], ['g', 'orders', 1, 2])
    assert.match(letter?.error ?? '', /cannot handle 1/)
    const about = { id: letter?.id, channel: 'orders', group: 'g', attempts: 2, error: 'Error: cannot handle 1' }
    assert.equal(
      logger.lines.filter(({ level }) => level === 'warn'),
      [{ level: 'warn', message: 'an event became a dead letter', details: about }],
    )
    assert.equal(payloads(await other.takeMany(3)), [0, 1, 2])
    await eventually(SOON_MS, async () => (await world.channel.groups.get('g', 'orders'))?.lag === 0)
  })

  test('a dead letter that is retried goes to its group alone', async () => {
    await using world = await open({ maxAttempts: 1 })
    const taker = new Taker(world.channel, 'orders', READS)
    const alone = new Taker(world.channel, 'orders')
    const other = new Taker(world.channel, 'orders', { ...READS, group: 'other' })
    const id = await world.channel.publish('orders', 'poison')
    await (await taker.take()).nack({ error: 'no' })
    assert.is(await world.channel.deadLetters.retry(id), 1)
    const again = await taker.take()
    assert.equal([again.id, again.payload, again.attempts], [id, 'poison', 1])
    assert.is(await again.ack(), true)
    assert.is(await world.channel.deadLetters.get(id), undefined)
    await world.channel.publish('orders', 'next')
    assert.equal(payloads(await alone.takeMany(2)), ['poison', 'next'])
    assert.equal(payloads(await other.takeMany(2)), ['poison', 'next'])
  })

  test('an event that is a dead letter of two groups goes to each of them once', async () => {
    await using world = await open({ maxAttempts: 1 })
    const takers = ['a', 'b'].map((group) => new Taker(world.channel, 'orders', { ...READS, group }))
    await world.channel.publish('orders', 'poison')
    for (const taker of takers) await (await taker.take()).nack()
    assert.is(await world.channel.deadLetters.retry({ channel: 'orders' }), 2)
    await world.channel.publish('orders', 'next')
    for (const taker of takers) {
      for (const payload of ['poison', 'next']) {
        const event = await taker.take()
        assert.is(event.payload, payload)
        assert.is(await event.ack(), true)
      }
    }
  })

  test('pages of dead letters lose none of an event that several groups gave up on', async () => {
    await using world = await open({ maxAttempts: 1 })
    for (const payload of [1, 2, 3]) await world.channel.publish('orders', payload)
    for (const group of ['a', 'b', 'c']) {
      const listener = world.channel.listen('orders', () => Promise.reject(new Error('no')), {
        group,
        from: 'earliest',
      })
      await eventually(SOON_MS, async () => {
        const letters = await world.channel.deadLetters.list()
        return letters.filter((letter) => letter.group === group).length === 3
      })
      await listener.stop()
    }
    const all = await world.channel.deadLetters.list()
    assert.is(all.length, 9)
    for (const limit of [1, 2, 3, 4, 9, 10]) {
      const paged = []
      for (let after: string | undefined; ; ) {
        const page = await world.channel.deadLetters.list({ limit, ...(after !== undefined && { after }) })
        paged.push(...page)
        after = page.at(-1)?.id
        if (after === undefined) break
      }
      assert.equal(paged, all, `pages of ${limit}`)
    }
  })

  test('a dead letter that is discarded is gone', async () => {
    await using world = await open({ maxAttempts: 1 })
    const taker = new Taker(world.channel, 'orders', READS)
    const id = await world.channel.publish('orders', 'poison')
    await (await taker.take()).nack()
    assert.is(await world.channel.deadLetters.discard(id, { reason: 'not needed' }), 1)
    assert.equal(await world.channel.deadLetters.list(), [])
  })

  test('an event at which every reader dies is set aside after its attempts, and only it', async () => {
    await using world = await open({ maxAttempts: 2, leaseMs: 60_000 })
    await world.channel.publishMany(numbered('orders', 3))
    for (const attempts of [1, 2]) {
      const taker = new Taker(await world.another(), 'orders', { ...READS, prefetch: 3 })
      const event = await taker.take()
      assert.equal([event.payload, event.attempts], [0, attempts])
      await expire(world)
    }
    const taker = new Taker(await world.another(), 'orders', READS)
    for (const payload of [1, 2]) {
      const event = await taker.take()
      assert.equal([event.payload, event.attempts], [payload, 1])
      await event.ack()
    }
    const letters = await world.channel.deadLetters.list()
    assert.equal(payloads(letters), [0])
    assert.match(letters[0]?.error ?? '', /consumers died/)
  })

  test('readers that died while nothing waited for them count for no event', async () => {
    await using world = await open({ maxAttempts: 2, leaseMs: 60_000 })
    const { place } = world
    const tokens = async () =>
      (await place.sql(`select lease_token from ${place.table('checkpoint')}`)).map((row) => row.lease_token).join()
    for (let deaths = 0; deaths < 3; deaths++) {
      const before = await tokens()
      const reader = new Taker(await world.another(), 'orders', READS)
      reader.take(SOON_MS).catch(() => undefined)
      await eventually(SOON_MS, async () => (await tokens()) !== before)
      await expire(world)
    }
    await world.channel.publishMany(numbered('orders', 2))
    const last = new Taker(await world.another(), 'orders', READS)
    for (const payload of [0, 1]) {
      const event = await last.take()
      assert.equal([event.payload, event.attempts], [payload, 1])
      assert.is(await event.ack(), true)
    }
    assert.equal(await world.channel.deadLetters.list(), [])
  })

  test('a payload that is no JSON is a dead letter of the group, and the next event arrives', async () => {
    await using world = await open()
    await world.channel.publishMany(numbered('orders', 2))
    await world.channel.stats()
    const settled = new Taker(world.channel, 'orders')
    await settled.subscription.ready
    if (database.name === 'postgres') return
    await world.place.sql(`update ${world.place.table('log')} set payload = '{' where payload = '0'`)
    const event = await new Taker(world.channel, 'orders', READS).take()
    assert.is(event.payload, 1)
    await eventually(SOON_MS, async () => (await world.channel.deadLetters.list()).length === 1)
  })

  test('a member reads what one of other channels leaves free, and the rest when it is free', async () => {
    await using world = await open({ leaseMs: 60_000 })
    const both = await world.another()
    const first = new Taker(both, ['a', 'b'], READS)
    await world.channel.publishMany([...numbered('a', 1), ...numbered('b', 1), ...numbered('c', 2)])
    for (const event of await first.takeMany(2)) await event.ack()
    const second = new Taker(await world.another(), ['b', 'c'], READS)
    const events = await second.takeMany(2)
    assert.equal(
      events.map(({ channel }) => channel),
      ['c', 'c'],
    )
    await world.channel.publish('b', 1)
    assert.is((await first.take()).channel, 'b')
    const next = second.take()
    assert.is(await Promise.race([next, sleep(400)]), undefined)
    await both.close({ drainMs: 0 })
    const taken = await next
    assert.is(taken.channel, 'b')
    for (const event of [...events, taken]) assert.is(await event.ack(), true)
    await world.channel.publishMany([...numbered('b', 3), ...numbered('c', 3)])
    const rest = await second.takeMany(6)
    for (const event of rest) assert.is(await event.ack(), true)
    assert.equal(rest.map(({ channel }) => channel).sort(), ['b', 'b', 'b', 'c', 'c', 'c'])
  })

  test('what a member leads of its channels does not wait for the rest, which somebody has locked', async () => {
    if (database.name === 'sqlite') return
    await using world = await open({ leaseMs: 60_000 })
    const other = await world.another()
    await other.listen('b', () => undefined, READS).ready
    await world.channel.publish('b', 0)
    await eventually(SOON_MS, async () =>
      (await world.channel.groups.list({ group: 'g' })).some(({ position }) => position > 0),
    )
    const taker = new Taker(world.channel, ['a', 'b'], READS)
    await world.channel.publish('a', 1)
    await (await taker.take()).ack()
    const tx = await world.place.begin()
    const { query } = tx.handle as { query(sql: string): Promise<unknown> }
    await query.call(tx.handle, `select 1 from ${world.place.table('checkpoint')} where channel = 'b' for update`)
    for (const payload of [2, 3, 4]) {
      await world.channel.publish('a', payload)
      const event = await taker.take(2_000)
      assert.is(event.payload, payload)
      assert.is(await event.ack(), true)
      await sleep(200)
    }
    await tx.rollback()
  })

  test('a rolling deploy that adds a channel: every channel is read all the time, in the end all by one', async () => {
    await using world = await open({ leaseMs: 60_000 })
    const seen: string[] = []
    const join = async (name: string, channels: readonly string[]) => {
      const channel = await world.another()
      await channel.listen(channels, (event) => void seen.push(`${name} ${event.channel}`), READS).ready
      return channel
    }
    const oneOfEach = async () => {
      seen.length = 0
      await world.channel.publishMany([...numbered('a', 1), ...numbered('b', 1)])
      await eventually(SOON_MS, () => seen.length === 2)
      return seen.toSorted()
    }
    const old = [await join('old', ['a']), await join('old', ['a'])]
    const reading = await join('new', ['a', 'b'])
    assert.equal(await oneOfEach(), ['new b', 'old a'])
    for (let i = 0; i < 2; i++) await join('other', ['a', 'b'])
    for (const channel of old) await channel.close()
    await eventually(SOON_MS, async () => (await oneOfEach()).includes('new a'))
    assert.equal(await oneOfEach(), ['new a', 'new b'])
    await reading.close()
    assert.equal(await oneOfEach(), ['other a', 'other b'])
  })

  test('stats and groups.list say how far each group is behind', async () => {
    await using world = await open()
    await world.channel.publishMany([...numbered('orders', 3), ...numbered('refunds', 1)])
    const taker = new Taker(world.channel, ['orders', 'refunds'], READS)
    await (await taker.take()).ack()
    const [orders, refunds] = await world.channel.stats()
    assert.equal([orders?.channel, orders?.head, orders?.groups], ['orders', 3, [{ group: 'g', position: 1, lag: 2 }]])
    assert.equal([refunds?.head, refunds?.groups], [4, [{ group: 'g', position: 0, lag: 1 }]])
    const groups = await world.channel.groups.list({ group: 'g' })
    assert.equal(
      groups.map(({ channel, position, lag }) => [channel, position, lag]),
      [
        ['orders', 1, 2],
        ['refunds', 0, 1],
      ],
    )
    assert.ok(groups.every(({ consumer }) => consumer?.includes(String(process.pid))))
    assert.equal(await world.channel.groups.list({ group: 'nobody' }), [])
  })

  test('a group is moved and forgotten while nobody reads for it, and not otherwise', async () => {
    await using world = await open()
    const { groups } = world.channel
    const reader = await world.another()
    await world.channel.publishMany(numbered('orders', 4))
    const events = await new Taker(reader, 'orders', READS).takeMany(4)
    for (const event of events) await event.ack()
    await rejects(groups.seek('g', 'earliest'), 'CONFIGURATION', /reads for "g" now/)
    await rejects(groups.delete('g'), 'CONFIGURATION', /reads for "g" now/)
    await reader.close()
    await groups.seek('g', Number(events[1]?.position))
    const again = await world.another()
    assert.equal(payloads(await new Taker(again, 'orders', READS).takeMany(2)), [2, 3])
    await again.close({ drainMs: 0 })
    await groups.seek('g', 'latest', { channel: 'orders' })
    assert.is((await groups.get('g', 'orders'))?.lag, 0)
    await groups.seek('g', 'earliest')
    assert.is((await groups.get('g', 'orders'))?.lag, 4)
    await rejects(groups.seek('g', 1_000), 'CONFIGURATION', /beyond/)
    await rejects(groups.seek('g', -1), 'CONFIGURATION', /groups.seek/)
    await rejects(groups.seek('nobody', 'earliest'), 'CONFIGURATION', /no group "nobody"/)
    await groups.delete('g')
    assert.is(await groups.get('g', 'orders'), undefined)
    await rejects(groups.delete('g'), 'CONFIGURATION', /no group/)
  })

  test('a name of a group is checked as every name', async () => {
    await using world = await open()
    for (const group of ['', 'x'.repeat(256), ' g', 'a\0b']) {
      throws(() => world.channel.subscribe('orders', { group }), 'CONFIGURATION', /group/)
      await rejects(world.channel.groups.seek(group, 'earliest'), 'CONFIGURATION', /group/)
    }
    const group = `"'; drop table x; --🙂`
    await world.channel.publish('orders', 1)
    const event = await new Taker(world.channel, 'orders', { group, from: 'earliest' }).take()
    await event.ack()
    assert.is((await world.channel.groups.get(group, 'orders'))?.lag, 0)
  })

  test.run()
}
