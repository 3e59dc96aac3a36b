/*
 * Opens a channel, uses everything, closes it and prints what is left: `tsx leaver.ts '<LeaverConfig as JSON>'`. It does
 * not end itself: nothing of a closed channel may keep it alive.
 */
import { readdirSync } from 'node:fs'
import { type ChannelOptions, EventChannel } from '../../../src/index.js'
import { silent } from '../logger.js'
import { within } from '../wait.js'

export interface LeaverConfig {
  readonly url: string
  readonly options: ChannelOptions
}

/** What a process has open. */
export interface Belongings {
  /** Handles and requests that keep it alive, by kind. */
  readonly resources: readonly string[]
  readonly files: number
  readonly signalListeners: number
}

const LIMIT_MS = 10_000
const GOODBYE_MS = 500

process.on('unhandledRejection', (error) => {
  throw error
})

const { url, options } = JSON.parse(process.argv[2] ?? '') as LeaverConfig
// The driver and what it loads once are nobody's leak.
await use()
const before = await belongings()
await use()
const after = await belongings()
console.log(JSON.stringify({ before, after }))

async function use(): Promise<void> {
  const channel = await EventChannel.open(url, { ...options, logger: silent })
  const name = `left ${process.pid} ${Math.random()}`
  let handled = 0
  const done = new Promise<void>((resolve) => {
    channel.listen([name, `${name} too`], () => {
      if (++handled === 10) resolve()
    })
  })
  // Left open, and a loop that nobody ends.
  const loop = (async () => {
    for await (const event of channel.subscribe(`${name} three`)) void event.signal
  })()
  const publishing = Array.from({ length: 9 }, (_, i) => channel.publish(name, i))
  await Promise.all([...publishing, channel.publishMany([{ channel: `${name} too`, payload: 'x'.repeat(20_000) }])])
  await channel.publish(`${name} three`, 1)
  await within(LIMIT_MS, done, 'handling')
  await channel.close({ drainMs: 0 })
  await within(LIMIT_MS, loop, 'the end of the loop')
}

async function belongings(): Promise<Belongings> {
  // What was closed is gone when the other side has said goodbye, too.
  await new Promise((resolve) => setTimeout(resolve, GOODBYE_MS))
  return {
    resources: process.getActiveResourcesInfo().sort(),
    files: readdirSync('/proc/self/fd').length,
    signalListeners: process.eventNames().length,
  }
}
