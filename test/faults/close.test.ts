import * as assert from 'uvu/assert'
import type { BackendName, ChannelOptions } from '../../src/index.js'
import { Behind } from '../support/behind.js'
import { Child } from '../support/child.js'
import { ON_SERVERS, type TestDatabase } from '../support/databases.js'
import { silent } from '../support/logger.js'
import type { TcpProxy } from '../support/proxy.js'
import { suite } from '../support/suite.js'
import { eventually, onThisMachine, within } from '../support/wait.js'
import { SOON_MS } from '../support/world.js'

/*
 * Closing while the database is out of reach: the network is silent, or every connection is refused. It must end within
 * `drainMs` and five seconds, and so must the process.
 */

/** What closing takes besides `drainMs`, in milliseconds, and some time on a busy machine. */
const BOUND_MS = 5_000
const PATIENCE_MS = 3_000
const DEADLINE_MS = 60_000

/** What becomes of the connections. */
const FAULTS: readonly (readonly [string, (proxy: TcpProxy) => void])[] = [
  ['silent', (proxy) => proxy.silence()],
  [
    'gone',
    (proxy) => {
      proxy.refuse(true)
      proxy.cut()
    },
  ],
]

/** Closes while handlers are busy, an ack is on its way and calls wait to publish; how long it took, in milliseconds. */
async function closeAmid(behind: Behind, happen: (proxy: TcpProxy) => void, drainMs: number): Promise<number> {
  const { channel, world, proxy } = behind
  let running = 0
  const listener = channel.listen(
    'orders',
    async () => {
      running++
      await eventually(DEADLINE_MS, () => over)
    },
    { concurrency: 5 },
  )
  let over = false
  await listener.ready
  await world.channel.publishMany(Array.from({ length: 5 }, (_, payload) => ({ channel: 'orders', payload })))
  await eventually(SOON_MS * 2, () => running === 5)
  happen(proxy)
  const calls = [
    channel.publish('mails', 1),
    channel.publish('mails', 2, world.channel.backend === 'queue' ? { key: 'k' } : {}),
    channel.publishMany(Array.from({ length: 1_500 }, (_, payload) => ({ channel: 'mails', payload }))),
  ]
  const endings = Promise.allSettled(calls)
  // Their acks find no way.
  over = true
  const startedMs = performance.now()
  await channel.close({ drainMs })
  const tookMs = performance.now() - startedMs
  for (const ending of await within(SOON_MS, endings, 'the publishes')) {
    assert.is(ending.status, 'rejected')
    assert.match(String((ending as PromiseRejectedResult).reason.code), /^(CLOSED|CONNECTION)$/)
  }
  return tookMs
}

async function closes(
  database: TestDatabase,
  backend: BackendName,
  happen: (proxy: TcpProxy) => void,
  drainMs: number,
): Promise<void> {
  const options: ChannelOptions = { backend, logger: silent }
  await using behind = await Behind.open(database, options)
  const tookMs = await closeAmid(behind, happen, drainMs)
  assert.ok(tookMs < onThisMachine(drainMs + BOUND_MS + PATIENCE_MS), `${tookMs} ms`)
}

async function exits(database: TestDatabase, happen: (proxy: TcpProxy) => void): Promise<void> {
  await using behind = await Behind.open(database, { logger: silent })
  const { world, proxy } = behind
  const options = JSON.stringify({ backend: 'queue', ...world.place.options })
  await using child = new Child('app', ['listen', proxy.through(world.place.url), options])
  await child.said(/^ready$/, 1, DEADLINE_MS / 2)
  await world.channel.publishMany(Array.from({ length: 500 }, (_, payload) => ({ channel: 'orders', payload })))
  await child.said(/^got/, 3)
  happen(proxy)
  child.signal('SIGINT')
  // 5 s to drain by default.
  const { code } = await child.end(5_000 + BOUND_MS + PATIENCE_MS)
  assert.is(code, 0)
  assert.ok(child.lines.includes('closed'))
}

for (const database of ON_SERVERS) {
  const backends: readonly BackendName[] = database.name === 'postgres' ? ['queue', 'log', 'notify'] : ['queue', 'log']
  const test = suite(`closing while ${database.name} is out of reach`)
  for (const [name, happen] of FAULTS) {
    test(
      `${name}: it ends in time, on every backend, and so does the process`,
      async () => {
        const all = backends.map((backend) => closes(database, backend, happen, 1_000))
        await Promise.all([...all, closes(database, 'queue', happen, 0), exits(database, happen)])
      },
      DEADLINE_MS,
    )
  }
  test.run()
}
