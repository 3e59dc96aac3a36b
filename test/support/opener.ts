/* Opens channels as a process of its own: for each target that its parent sends, and answers with what came of it. */
import { type ChannelOptions, EventChannel } from '../../src/index.js'
import { silent } from './logger.js'

process.on('message', async ({ url, options }: { url: string; options: ChannelOptions }) => {
  try {
    const channel = await EventChannel.open(url, { backend: 'queue', logger: silent, ...options })
    await channel.publish('opened', process.pid)
    await channel.close()
    process.send?.('opened')
  } catch (error) {
    process.send?.(String(error))
  }
})
process.send?.('ready')
