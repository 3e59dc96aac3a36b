import { setTimeout as sleep } from 'node:timers/promises'
import { EventChannel, optionsFromEnvironment } from 'rowcast'
import type { DemoEvents } from './events.js'
import { answer, told } from './family.js'

/* A worker process: ships orders until it is asked to stop (SIGTERM), or killed. */

const [worker = '?'] = process.argv.slice(2)
const url = process.env.ROWCAST_URL ?? ''
const channel = await EventChannel.open<DemoEvents>(url, { ...optionsFromEnvironment(), serviceName: worker })

answer('ready')
await told('work')
channel.listen(
  'orders',
  async ({ payload: { number, kind, publishedAtMs }, attempts }) => {
    const waitedMs = Date.now() - publishedAtMs
    if (kind === 'unshippable') throw new Error(`order ${number} has no address`)
    await sleep(5)
    await channel.publish('shipments', { number, kind, worker, attempts, waitedMs })
  },
  { concurrency: 4, backoff: { minMs: 50, maxMs: 200 } },
)

process.once('SIGTERM', async () => {
  await channel.close()
  answer('stopped', { counters: channel.telemetry.snapshot() })
  process.disconnect()
})
