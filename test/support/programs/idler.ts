import { setTimeout as sleep } from 'node:timers/promises'
import { EventChannel } from '../../../src/index.js'
import { silent } from '../logger.js'

/*
 * A consumer to whom nothing comes: `idler.ts <url> <channel options> <ms>`. Says what share of a core its process takes, in
 * per cent, in so many milliseconds.
 */

const [url = '', channelOptions = '{}', ms = '1000'] = process.argv.slice(2)
const channel = await EventChannel.open(url, { ...JSON.parse(channelOptions), logger: silent })
const listener = channel.listen('orders', () => undefined)
await listener.ready
// What is asked again and again has been compiled then.
await sleep(2_000)
const before = process.cpuUsage()
const startedMs = performance.now()
await sleep(Number(ms))
const { user, system } = process.cpuUsage(before)
console.log(`idle ${(((user + system) / 1_000 / (performance.now() - startedMs)) * 100).toFixed(3)}`)
await channel.close()
