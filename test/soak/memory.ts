/*
 * A million events through one process, with the memory after each hundred thousand:
 * `tsx test/soak/memory.ts [--events N] [--backend queue|notify] URL`. Exits with 1 when the memory grows.
 */
import { parseArgs } from 'node:util'
import { EventChannel } from '../../src/index.js'
import { flow } from '../support/flow.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { events: { type: 'string', default: '1000000' }, backend: { type: 'string', default: 'queue' } },
})
const [url = 'sqlite::memory:'] = positionals
const backend = values.backend === 'notify' ? 'notify' : 'queue'
const total = Number(values.events)
/** What a hundred thousand events may leave on the heap, in bytes. */
const LEAK_BYTES = 2 ** 20

const channel = await EventChannel.open(url, { backend, retentionMs: 10_000, schema: 'soak', tablePrefix: 'soak_' })
const startedMs = performance.now()
const mebi = (bytes: number) => (bytes / 2 ** 20).toFixed(1).padStart(7)
const readings = await flow(channel, total, total / 10, ({ events, heapBytes, rssBytes }) => {
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0)
  console.log(
    `${String(events).padStart(9)} events ${seconds.padStart(5)} s  heap ${mebi(heapBytes)} MiB  rss ${mebi(rssBytes)} MiB`,
  )
})
await channel.close()

// The first tenth warms everything up.
const [, first, ...later] = readings
const last = later.at(-1)
if (first !== undefined && last !== undefined) {
  const growth = ((last.heapBytes - first.heapBytes) / (last.events - first.events)) * 100_000
  console.log(`${Math.round(growth / 1_024)} KiB a hundred thousand events`)
  if (growth > LEAK_BYTES) process.exitCode = 1
}
