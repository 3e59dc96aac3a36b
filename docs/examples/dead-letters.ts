import { setTimeout as sleep } from 'node:timers/promises'
import { EventChannel } from 'rowcast'

/* An event that fails on every attempt is set aside with its last error, and a warning, until a person decides. */

const url = process.env.ROWCAST_URL ?? 'sqlite::memory:'
const channel = await EventChannel.open(url, { backend: 'queue', maxAttempts: 2 })

let addresses: Record<string, string> = {}
channel.listen<'dead.orders'>(
  'dead.orders',
  ({ payload }) => {
    const address = addresses[String(payload)]
    if (address === undefined) throw new Error(`${payload} has no address`)
    console.log(`shipped to ${address}`)
  },
  { backoff: { minMs: 10, maxMs: 50 } },
)
await channel.publishMany(['Ada', 'Bob'].map((payload) => ({ channel: 'dead.orders', payload })))

while (channel.telemetry.snapshot()['events.dead'] < 2) await sleep(10)
const letters = await channel.deadLetters.list({ channel: 'dead.orders' })
for (const { attempts, error } of letters) console.log(`dead after ${attempts} attempts: ${error}`)

// The cause is mended for one of them: deliver it again, from the first attempt on. The other is given up for good.
addresses = { Ada: '12 St James Square' }
const [ada, bob] = letters
if (ada && bob) {
  await channel.deadLetters.retry(ada.id)
  await channel.deadLetters.discard(bob.id, { reason: 'moved away' })
}
while (channel.telemetry.snapshot()['events.ack'] < 1) await sleep(10)
console.log(`${(await channel.deadLetters.list({ channel: 'dead.orders' })).length} dead letters left`)
await channel.close()
