import { EventChannel } from 'rowcast'

/* A log keeps every event in order. A group remembers how far it has read; others read from wherever they like. */

const url = process.env.ROWCAST_URL ?? 'sqlite::memory:'
const channel = await EventChannel.open(url, { backend: 'log' })

// Where the log ends now: what earlier runs left is not read again. Else, 'earliest' reads all there is.
const [before] = await channel.stats('log.orders')
const start = before?.head ?? 'earliest'
await channel.publishMany([1, 2, 3].map((payload) => ({ channel: 'log.orders', payload })))

/** Reads as the group until it has seen so many. */
async function read(group: string, count: number): Promise<void> {
  let left = count
  for await (const event of channel.subscribe('log.orders', { group, from: start })) {
    console.log(`${group}: order ${event.payload}`)
    await event.ack()
    if (--left === 0) break
  }
}
await read('billing', 2)
await read('search', 3)
await read('billing', 1) // where it stopped

for (const { group, lag } of await channel.groups.list({ channel: 'log.orders' }))
  console.log(`${group} lags by ${lag}`)
await channel.groups.seek('search', start) // read all of it again, with a better index
await read('search', 3)

for (const { group } of await channel.groups.list({ channel: 'log.orders' })) await channel.groups.delete(group)
await channel.close()
