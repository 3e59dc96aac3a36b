import { readyAgainMs } from './redelivery.js'
import type { EventStory, Stories } from './story.js'

type Span = readonly [fromMs: number, toMs: number]

/** The longest time, in milliseconds, that something was waiting and nobody was handed anything. */
export function longestStallMs(stories: Stories): number {
  const { events } = stories
  const spans = events.flatMap((story) => waits(stories, story)).sort((a, b) => a[0] - b[0])
  const deliveries = events
    .flatMap(({ deliveries }) => deliveries.map(({ delivered }) => delivered.at))
    .sort((a, b) => a - b)
  let longest = 0
  let next = 0
  for (const [fromMs, toMs] of spans) {
    while (next < deliveries.length && (deliveries[next] as number) <= fromMs) next++
    const servedAtMs = deliveries[next] ?? toMs
    longest = Math.max(longest, Math.min(toMs, servedAtMs) - fromMs)
  }
  // Between two deliveries, whoever waited longer than both shows the stall, too.
  for (const [index, atMs] of deliveries.entries()) {
    const servedAtMs = deliveries[index + 1]
    if (
      servedAtMs !== undefined &&
      servedAtMs - atMs > longest &&
      spans.some(([from, to]) => from <= atMs && to >= servedAtMs)
    ) {
      longest = servedAtMs - atMs
    }
  }
  return longest
}

/** When an event waited to be delivered: at first, and again after it was given back. */
function waits(stories: Stories, { publishing, published, deliveries }: EventStory): readonly Span[] {
  return deliveries.map((delivery, index) => {
    const { at } = delivery.delivered
    const before = deliveries[index - 1]
    if (before !== undefined) return [readyAgainMs(stories, before, delivery), at]
    return [Math.max(publishing?.notBefore ?? 0, published?.at ?? at), at]
  })
}
