import { setTimeout as sleep } from 'node:timers/promises'
import { EventChannel } from 'rowcast'

/* Push: a handler, eight at a time. Returning acks the event; throwing gives it back, to come again after the backoff. */

const url = process.env.ROWCAST_URL ?? 'sqlite::memory:'
const channel = await EventChannel.open(url, { backend: 'queue' })

const listener = channel.listen(
  'listen.orders',
  async ({ payload, attempts }) => {
    await sleep(20)
    if (payload === 3 && attempts === 1) throw new Error('the carrier does not answer')
    console.log(`order ${payload} shipped on attempt ${attempts}`)
  },
  { concurrency: 8, backoff: { minMs: 50, maxMs: 1_000 }, rateLimit: { max: 100, perMs: 1_000 } },
)

// A service would wait for a signal here; this program ends when four events are acked.
const acked = new Promise<void>((resolve) => {
  let left = 4
  channel.telemetry.on((fact) => {
    if (fact.type === 'settled' && fact.how === 'ack') left--
    if (left === 0) resolve()
  })
})
await channel.publishMany([1, 2, 3, 4].map((payload) => ({ channel: 'listen.orders', payload })))
await acked

await listener.stop() // takes no more events, and waits for the handlers that run
const { 'events.nack': nacked, 'events.redeliver': redelivered } = channel.telemetry.snapshot()
console.log(`${nacked} nacked, ${redelivered} redelivered`)
await channel.close()
