import * as assert from 'uvu/assert'
import type { ChannelOptions } from '../../src/index.js'
import { Child } from '../support/child.js'
import { DATABASES } from '../support/databases.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine } from '../support/wait.js'
import { World } from '../support/world.js'

const RUN_MS = 60_000
const LEASE_MS = 1_500

for (const database of DATABASES) {
  const test = suite(`groups of a log and their members on ${database.name}`)
  const options: ChannelOptions = { backend: 'log', leaseMs: LEASE_MS, pollIntervalMs: 100, maxAttempts: 3 }
  const join = ({ place }: World, workMs: number, listen = {}) =>
    new Child('reader', [
      place.url,
      JSON.stringify({ ...place.options, ...options }),
      JSON.stringify({ group: 'g', from: 'earliest', ...listen }),
      String(workMs),
    ])
  const publish = (world: World, first: number, count: number) =>
    world.channel.publishMany(
      Array.from({ length: count }, (_, i) => ({ channel: 'orders', payload: `e${first + i}` })),
    )
  /** Distinct payloads of lines that begin with a word. */
  const told = (children: readonly Child[], word: string) =>
    new Set(
      children.flatMap(({ lines }) => lines.filter((line) => line.startsWith(word)).map((line) => line.split(' ')[1])),
    )

  test(
    'the active member is killed: one that stands by goes on within a lease, and nothing is lost',
    async () => {
      await using world = await World.open(database, options)
      await using first = join(world, 5)
      await publish(world, 0, 1)
      await first.said(/^handled/)
      await using second = join(world, 5)
      await using third = join(world, 5)
      await Promise.all([second.said(/^ready/), third.said(/^ready/)])
      await publish(world, 1, 299)
      await first.said(/^handled/, 40)
      first.signal('SIGKILL')
      const killedMs = performance.now()
      await eventually(10_000, () => told([second, third], 'begins').size > 0)
      const tookOverMs = performance.now() - killedMs
      await eventually(30_000, () => told([first, second, third], 'handled').size === 300)
      // Only what was in the dead one's hands comes again: the order of a group is the order of the log.
      const again = [...told([second, third], 'begins')].filter((payload) =>
        told([first], 'handled').has(String(payload)),
      )
      assert.ok(again.length <= 20, `${again.length} events came again`)
      assert.ok(second.lines.length === 1 || third.lines.length === 1, 'two members were active')
      assert.ok(tookOverMs < onThisMachine(LEASE_MS + 2_000), `it took ${tookOverMs} ms`)
      // Whoever gave positions may have been the one that was killed.
      const table = world.place.table('log')
      const [log] = await world.place.sql(
        `select count(*) as n, count(distinct id) as ids, max(position) as head from ${table}`,
      )
      assert.equal([log?.n, log?.ids, log?.head].map(Number), [300, 300, 300])
    },
    RUN_MS,
  )

  test(
    'the active member stands still for longer than its lease: it is cut off, and another goes on',
    async () => {
      await using world = await World.open(database, options)
      await using first = join(world, 1_000)
      await first.said(/^ready/)
      await publish(world, 0, 4)
      await first.said(/^begins/)
      first.signal('SIGSTOP')
      await using second = join(world, 20)
      await second.said(/^handled/, 4, 20_000)
      first.signal('SIGCONT')
      // It may finish before it is told; it gets no more, and its ack counts for nothing.
      await first.said(/^(lost|handled) e0/)
      await publish(world, 4, 3)
      await second.said(/^handled/, 7)
      assert.equal([...told([second], 'handled')], ['e0', 'e1', 'e2', 'e3', 'e4', 'e5', 'e6'])
      assert.equal([...told([first], 'begins')], ['e0'])
      await eventually(5_000, async () => (await world.channel.groups.get('g', 'orders'))?.lag === 0)
    },
    RUN_MS,
  )

  test(
    'an event that kills its handlers is set aside after its attempts; those around it are handled',
    async () => {
      await using world = await World.open(database, options)
      const payloads = ['a', 'b', 'die', 'c', 'd']
      await world.channel.publishMany(payloads.map((payload) => ({ channel: 'orders', payload })))
      const readers: Child[] = []
      try {
        // The first dies with several in hand; from then on they come one by one, and three more die at this one.
        for (let deaths = 0; deaths < 4; deaths++) {
          const reader = join(world, 5, { concurrency: 3 })
          readers.push(reader)
          await reader.end(20_000)
        }
        readers.push(join(world, 5, { concurrency: 3 }))
        await eventually(20_000, () => told(readers, 'handled').size === 4)
        const letters = await world.channel.deadLetters.list()
        assert.equal(
          letters.map(({ payload, group, attempts }) => [payload, group, attempts]),
          [['die', 'g', 3]],
        )
      } finally {
        for (const reader of readers) await reader[Symbol.asyncDispose]()
      }
    },
    RUN_MS,
  )

  test.run()
}
