import * as assert from 'uvu/assert'
import { DatabaseClock } from '../src/common/clock.js'
import { Telemetry } from '../src/common/telemetry.js'
import type { Engine, EngineContext } from '../src/engine.js'
import { resolveTarget } from '../src/open.js'
import { resolveChannelOptions } from '../src/options/resolve.js'
import { DATABASES, database, type Place } from './support/databases.js'
import { silent } from './support/logger.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'
import { SOON_MS, Taker, World } from './support/world.js'

/*
 * What people ask of events, and do to them, while no backend is open: an engine by itself, which nobody subscribes through.
 */

interface Bare extends AsyncDisposable {
  readonly engine: Engine
  readonly context: EngineContext
}

async function connect(place: Place): Promise<Bare> {
  const options = resolveChannelOptions({ ...place.options, logger: silent })
  const engine = await (await resolveTarget(place.url)).connect(options)
  const clock = new DatabaseClock()
  const context = { clock, telemetry: new Telemetry(clock), options }
  return { engine, context, [Symbol.asyncDispose]: () => Promise.resolve(engine[Symbol.asyncDispose]()) }
}

for (const db of DATABASES) {
  const test = suite(`an operator on ${db.name}`)

  test('counts a queue, and gives a dead letter back to those who consume elsewhere', async () => {
    await using world = await World.open(db, { maxAttempts: 1 })
    const { channel, place } = world
    const failing = channel.listen('orders', () => Promise.reject(new Error('no')))
    await channel.publish('orders', 'dies')
    await eventually(SOON_MS, async () => (await channel.deadLetters.list()).length === 1)
    await failing.stop()
    await channel.publish('mails', 1)
    await using bare = await connect(place)
    const operator = bare.engine.operator('queue', bare.context)
    const counts = await operator.stats?.(undefined)
    assert.equal(
      counts?.map(({ channel: name, ready, dead }) => [name, ready, dead]),
      [
        ['mails', 1, 0],
        ['orders', 0, 1],
      ],
    )
    assert.equal(await operator.stats?.('none'), [])
    const taker = new Taker(channel, 'orders')
    await taker.subscription.ready
    const letters = (await operator.deadLetters?.list({ limit: 10 })) ?? []
    assert.is(await operator.deadLetters?.retry(letters), 1)
    assert.equal([(await taker.take()).payload, operator.groups], ['dies', undefined])
  })

  test('counts a log, gives positions to what has none, and moves a group', async () => {
    await using world = await World.open(db, { backend: 'log' })
    const { channel, place } = world
    const taker = new Taker(channel, 'orders', { group: 'g', from: 'earliest' })
    await taker.subscription.ready
    await taker.leave()
    const tx = await place.begin()
    for (let i = 0; i < 3; i++) await channel.publish('orders', i, { tx: tx.handle })
    await tx.commit()
    await using bare = await connect(place)
    const operator = bare.engine.operator('log', bare.context)
    const [group] = (await operator.groups?.list({})) ?? []
    assert.equal([group?.group, group?.channel, group?.lag], ['g', 'orders', 3])
    const [stats] = (await operator.stats?.('orders')) ?? []
    assert.equal([stats?.head, stats?.groups], [3, [{ group: 'g', position: 0, lag: 3 }]])
    await eventually(SOON_MS, async () => (await operator.groups?.seek('g', 'latest', undefined))?.[0] === 'orders')
    assert.is((await channel.groups.get('g', 'orders'))?.position, 3)
  })

  test.run()
}

const test = suite('an operator')

test('of a backend that stores nothing can do nothing', async () => {
  await using place = await database('postgres').place()
  await using bare = await connect(place)
  assert.equal(bare.engine.operator('notify', bare.context), {})
})

test.run()
