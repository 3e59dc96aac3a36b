import * as assert from 'uvu/assert'
import { Child } from './support/child.js'
import { SETTINGS, stored } from './support/settings.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'
import { SOON_MS, type World } from './support/world.js'

/** How long a process may take from Ctrl-C to its end, in milliseconds: far less than a lease, a drain or a poll. */
const PROMPT_MS = 3_000
/** How long a program may take from start to end, in milliseconds: mostly the start of Node and the compiler. */
const START_MS = 15_000

for (const setting of SETTINGS) {
  const test = suite(`the end of a process, ${setting.name}`)
  const run = (world: World, how: string) =>
    new Child('app', [how, world.place.url, JSON.stringify({ backend: setting.backend, ...world.place.options })])

  test('a process that opens, publishes and closes ends by itself', async () => {
    await using world = await setting.open()
    await using child = run(world, 'publish')
    const { code, errors } = await child.end(START_MS)
    assert.equal([code, errors], [0, ''])
    assert.match(child.lines.join('\n'), /^published [0-9a-f-]{36}$/)
    assert.equal(await stored(world), setting.backend === 'queue' ? { queue: 1 } : {})
  })

  for (const how of ['iterate', 'listen']) {
    test(`Ctrl-C ends a process that is busy in its ${how} at once, and nothing is lost or held`, async () => {
      await using world = await setting.open()
      await using child = run(world, how)
      await child.said(/^ready$/)
      const events = Array.from({ length: 200 }, (_, payload) => ({ channel: 'orders', payload }))
      await world.channel.publishMany(events)
      await child.said(/^got/, 3)
      child.signal('SIGINT')
      const { code, errors } = await child.end(PROMPT_MS)
      assert.equal([code, errors], [0, ''])
      assert.ok(child.lines.includes('closed'))
      assert.is(child.lines.includes('loop ended'), how === 'iterate')
      if (setting.backend === 'notify') return
      const handled = child.lines.filter((line) => line.startsWith('got')).length
      assert.ok(handled < 200, 'it was busy when it was told to end')
      const [stats] = await world.channel.stats('orders')
      assert.equal([stats?.ready, stats?.leased, stats?.dead], [200 - handled, 0, 0])
      const [row] = await world.place.sql(`select count(*) as count from ${world.place.table('history')}`)
      assert.is(Number(row?.count), handled)
      const [used] = await world.place.sql(`select max(attempts) as most from ${world.place.table('queue')}`)
      assert.is(Number(used?.most), 0, 'what was given back has its attempt back')
    })
  }

  test('Ctrl-C ends a process that waits for events at once', async () => {
    await using world = await setting.open()
    await using child = run(world, 'iterate')
    await child.said(/^ready$/)
    child.signal('SIGINT')
    const { code, errors } = await child.end(PROMPT_MS)
    assert.equal([code, errors, child.lines], [0, '', ['ready', 'closing', 'loop ended', 'closed']])
  })

  test.run()
}

const test = suite('the end of a process whose handler does not end')

test('the drain is bounded, then the event is given back and the process ends', async () => {
  const [postgres] = SETTINGS
  await using world = await (postgres as (typeof SETTINGS)[number]).open()
  const options = JSON.stringify({ backend: 'queue', ...world.place.options })
  await using child = new Child('app', ['hang', world.place.url, options])
  await child.said(/^ready$/)
  await world.channel.publish('orders', 'stuck')
  await child.said(/^got stuck$/)
  child.signal('SIGINT')
  // 5 s by default.
  const { code, errors } = await child.end(5_000 + PROMPT_MS)
  assert.equal([code, errors], [0, ''])
  await eventually(SOON_MS, async () => (await world.channel.stats('orders'))[0]?.ready === 1)
})

test.run()
