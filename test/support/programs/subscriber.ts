import { EventChannel } from '../../../src/index.js'
import { silent } from '../logger.js'

/*
 * Counts numbers published on `orders`, 0 to the one given: `subscriber.ts <url> <channel options> <last>`. Says when it
 * is live, and at the last one how many it got, how many different ones, and whether in order.
 */

const [url = '', channelOptions = '{}', last = '0'] = process.argv.slice(2)
const channel = await EventChannel.open(url, { ...JSON.parse(channelOptions), logger: silent })
const subscription = channel.subscribe('orders')
await subscription.ready
console.log(`ready ${channel.backend}`)
const seen: number[] = []
for await (const { payload } of subscription) {
  seen.push(Number(payload))
  if (payload === Number(last)) break
}
const isOrdered = seen.every((number, i) => i === 0 || number > (seen[i - 1] ?? 0))
console.log(`got ${seen.length} ${new Set(seen).size} ${isOrdered}`)
await channel.close()
