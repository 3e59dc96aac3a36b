import { setTimeout as sleep } from 'node:timers/promises'
import { EventChannel, optionsFromEnvironment } from 'rowcast'
import { BACKLOG, DELAY_MS, type DemoEvents, MAX_ATTEMPTS, type Order, PACED } from './events.js'
import { answer, told } from './family.js'

/* The publisher process: stores a backlog while nobody works, then one order every few milliseconds. */

const url = process.env.ROWCAST_URL ?? ''
const channel = await EventChannel.open<DemoEvents>(url, { ...optionsFromEnvironment(), serviceName: 'publisher' })
let number = 0
const order = (kind: Order['kind']): Order => ({ number: ++number, kind, publishedAtMs: Date.now() })

answer('ready')
await told('backlog')
const startedMs = performance.now()
await Promise.all([
  channel.publish('orders', order('delayed'), { delayMs: DELAY_MS }),
  channel.publish('orders', order('unshippable'), { maxAttempts: MAX_ATTEMPTS }),
  ...Array.from({ length: BACKLOG }, () => channel.publish('orders', order('usual'))),
  channel.publish('orders', order('urgent'), { priority: 1 }),
])
answer('stored', { count: number, elapsedMs: performance.now() - startedMs })

await told('pace')
for (let i = 0; i < PACED; i++) {
  await channel.publish('orders', order('paced'))
  await sleep(8)
}
answer('published', { count: number, counters: channel.telemetry.snapshot() })
await channel.close()
process.disconnect()
