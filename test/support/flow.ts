import type { EventChannel } from '../../src/index.js'
import { collectGarbage } from './memory.js'

export interface Reading {
  /** Events handled so far. */
  readonly events: number
  readonly heapBytes: number
  readonly rssBytes: number
}

/** Published at once; what is handled must keep up. */
const BATCH = 500
/** Most events that are published and not handled yet. */
const MAX_WAITING = 2_000

/**
 * Sends events through one channel object, published and handled in this process, and reads the memory now and then.
 * @param total events in all
 * @param every how many events lie between two readings
 */
export async function flow(
  channel: EventChannel,
  total: number,
  every: number,
  onReading: (reading: Reading) => void = () => undefined,
): Promise<readonly Reading[]> {
  const readings: Reading[] = []
  const read = (events: number) => {
    const reading = { events, heapBytes: collectGarbage(), rssBytes: process.memoryUsage().rss }
    readings.push(reading)
    onReading(reading)
  }
  let handled = 0
  let awaited = { count: 0, resolve: () => {} }
  const listener = channel.listen(
    'flow',
    () => {
      if (++handled >= awaited.count) awaited.resolve()
    },
    { concurrency: 32 },
  )
  await listener.ready
  const isHandled = (count: number) =>
    new Promise<void>((resolve) => {
      awaited = { count, resolve }
      if (handled >= count) resolve()
    })
  read(0)
  for (let published = 0; published < total; ) {
    const next = Math.min(BATCH, total - published)
    const half = Math.floor(next / 2)
    const many = Array.from({ length: next - half }, (_, i) => ({ channel: 'flow', payload: payload(published + i) }))
    const single = Array.from({ length: half }, (_, i) => channel.publish('flow', payload(published + i)))
    await Promise.all([channel.publishMany(many), ...single])
    published += next
    await isHandled(published - MAX_WAITING)
    if (published % every === 0) {
      await isHandled(published)
      read(published)
    }
  }
  await isHandled(total)
  await listener.stop()
  return readings
}

function payload(n: number) {
  return { n, text: 'an event like many others', at: Date.now() }
}
