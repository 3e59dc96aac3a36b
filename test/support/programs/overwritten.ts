/* Publishes and consumes over a file that is overwritten meanwhile: `overwritten.ts FILE`; SIGUSR2 says when that is done. */
import { EventChannel, RowcastError } from '../../../src/index.js'
import { silent } from '../logger.js'

const [file = ''] = process.argv.slice(2)
const channel = await EventChannel.open(`sqlite:${file}`, { backend: 'queue', logger: silent, pollIntervalMs: 50 })
const listener = channel.listen('orders', () => undefined)
await listener.ready
await channel.publish('orders', 1)

process.once('SIGUSR2', async () => {
  for (let i = 0; i < 10; i++) {
    await channel.publish('orders', i).catch((error: unknown) => {
      if (!(error instanceof RowcastError)) console.log('unexpected', error)
      else console.log(error.code, error.message)
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await channel.close({ drainMs: 100 })
  console.log('done')
})
console.log('ready')
