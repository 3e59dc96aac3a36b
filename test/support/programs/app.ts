import { EventChannel } from '../../../src/index.js'

/*
 * A stranger's small program, run by a test as a process of its own: `app.ts HOW URL OPTIONS`. It tells what it does on
 * standard output, one line each. Ctrl-C closes the channel, and nothing else ends the process.
 */

const [how, url = '', options = '{}'] = process.argv.slice(2)
const channel = await EventChannel.open(url, JSON.parse(options))

process.once('SIGINT', () => {
  console.log('closing')
  void channel.close().then(() => console.log('closed'))
})

const programs: Record<string, () => Promise<void>> = {
  async publish() {
    console.log(`published ${await channel.publish('orders', { total: 42 })}`)
    await channel.close()
  },

  async iterate() {
    const subscription = channel.subscribe('orders')
    await subscription.ready
    console.log('ready')
    for await (const event of subscription) {
      console.log(`got ${event.payload}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
      await event.ack()
    }
    console.log('loop ended')
  },

  async listen() {
    const listener = channel.listen('orders', async (event) => {
      console.log(`got ${event.payload}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    })
    await listener.ready
    console.log('ready')
  },

  /** Somebody whose handler will not end. */
  async hang() {
    channel.listen('orders', (event) => {
      console.log(`got ${event.payload}`)
      return new Promise(() => undefined)
    })
    console.log('ready')
  },
}

await programs[how ?? '']?.()
