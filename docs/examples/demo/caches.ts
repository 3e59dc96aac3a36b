import { EventChannel, optionsFromEnvironment, UnsupportedError } from 'rowcast'
import { until } from './story.js'

const CACHES = 3
const CHANGES = 20

/** A cache of prices that drops what it is told has changed. */
interface Cache {
  readonly prices: Map<string, number>
  /** The channel it hears of changes on. */
  readonly address: string
}

/**
 * Lets several caches in this process hear of each change, and measures how long it takes until the last one has dropped
 * a stale price. With `notify` they all listen to one channel; a queue gives each event to one consumer, so that there
 * each cache has a channel of its own, and a change is published to all of them in one transaction.
 * @returns which backend it was, and the time of each change in milliseconds, from fastest to slowest
 */
export async function invalidateCaches(url: string): Promise<{ backend: string; timesMs: readonly number[] }> {
  await using channel = await openFanOut(url)
  const caches = Array.from({ length: CACHES }, (_, index): Cache => {
    const address = channel.backend === 'queue' ? `prices.${index}` : 'prices'
    return { prices: new Map(), address }
  })
  for (const { address, prices } of caches) {
    const flush = () => prices.clear()
    channel.listen(address, ({ payload }) => void prices.delete(String(payload)), { onGap: flush })
  }
  const addresses = [...new Set(caches.map(({ address }) => address))]
  const timesMs: number[] = []
  for (let change = 0; change < CHANGES; change++) {
    const product = `product-${change}`
    for (const { prices } of caches) prices.set(product, change)
    const startedMs = performance.now()
    await channel.publishMany(addresses.map((address) => ({ channel: address, payload: product })))
    await until(() => caches.every(({ prices }) => !prices.has(product)), `caches drop ${product}`, 1)
    timesMs.push(performance.now() - startedMs)
  }
  return { backend: channel.backend, timesMs: timesMs.sort((a, b) => a - b) }
}

async function openFanOut(url: string): Promise<EventChannel> {
  const options = { ...optionsFromEnvironment(), serviceName: 'caches' }
  try {
    return await EventChannel.open(url, { ...options, backend: 'notify' })
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error
    return EventChannel.open(url, { ...options, backend: 'queue' })
  }
}
