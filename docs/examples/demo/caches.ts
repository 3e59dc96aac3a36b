import { EventChannel, optionsFromEnvironment } from 'rowcast'
import { until } from './story.js'

const CACHES = 3
const CHANGES = 20

/**
 * Lets several caches in this process hear of each change, and measures how long it takes until the last one has dropped
 * a stale price. Where the database cannot notify, a log carries the same, which is logged; here the story tells it.
 * @returns which backend it was, and the time of each change in milliseconds, from fastest to slowest
 */
export async function invalidateCaches(url: string): Promise<{ backend: string; timesMs: readonly number[] }> {
  const logger = { debug() {}, info() {}, warn() {}, error: console.error }
  const options = { ...optionsFromEnvironment(), serviceName: 'caches', logger }
  await using channel = await EventChannel.open(url, { ...options, backend: 'notify' })
  const caches = Array.from({ length: CACHES }, () => new Map<string, number>())
  for (const prices of caches) {
    const flush = () => prices.clear()
    channel.listen('prices', ({ payload }) => void prices.delete(String(payload)), { onGap: flush })
  }
  const timesMs: number[] = []
  for (let change = 0; change < CHANGES; change++) {
    const product = `product-${change}`
    for (const prices of caches) prices.set(product, change)
    const startedMs = performance.now()
    await channel.publish('prices', product)
    await until(() => caches.every((prices) => !prices.has(product)), `caches drop ${product}`, 1)
    timesMs.push(performance.now() - startedMs)
  }
  return { backend: channel.backend, timesMs: timesMs.sort((a, b) => a - b) }
}
