import { EventChannel } from 'rowcast'

/* Pull: a loop that takes one event after the other and acks each when it is done with it. */

const url = process.env.ROWCAST_URL ?? 'sqlite::memory:'
const channel = await EventChannel.open(url, { backend: 'queue' })

await channel.publishMany([1, 2, 3].map((total) => ({ channel: 'iterate.orders', payload: { total } })))
await channel.publish('iterate.orders', { total: 4 }, { metadata: { tenant: 'acme' }, priority: 1 })

let left = 4
for await (const event of channel.subscribe('iterate.orders')) {
  console.log(`order ${JSON.stringify(event.payload)} ${JSON.stringify(event.metadata)}, attempt ${event.attempts}`)
  const held = await event.ack() // false when the lease was lost and somebody else has the event now
  if (!held) console.log('somebody else has it now')
  if (--left === 0) break // leaving the loop ends the subscription
}

const { 'events.deliver': delivered, 'events.ack': acked } = channel.telemetry.snapshot()
console.log(`${delivered} delivered, ${acked} acked`)
await channel.close()
