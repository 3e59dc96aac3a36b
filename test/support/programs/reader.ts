import { setTimeout as sleep } from 'node:timers/promises'
import { EventChannel, type ListenOptions } from '../../../src/index.js'
import { silent } from '../logger.js'

/*
 * Reads the channel `orders` and says what it handles: `reader.ts <url> <channel options> <listen options> <work ms>`.
 * An event whose payload is `die` kills it.
 */

const [url = '', channelOptions = '{}', listenOptions = '{}', workMs = '0'] = process.argv.slice(2)
const channel = await EventChannel.open(url, { ...JSON.parse(channelOptions), logger: silent })
const listener = channel.listen(
  'orders',
  async ({ payload, attempts, signal }) => {
    console.log(`begins ${payload} ${attempts}`)
    if (payload === 'die') process.kill(process.pid, 'SIGKILL')
    await sleep(Number(workMs))
    console.log(`${signal.aborted ? 'lost' : 'handled'} ${payload}`)
  },
  JSON.parse(listenOptions) as ListenOptions,
)
process.once('SIGTERM', () => void channel.close())
await listener.ready
console.log('ready')
