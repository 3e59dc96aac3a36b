import type { NewEvent } from '../../../event.js'

/** Most events and most bytes of payload in one statement. */
const MAX_EVENTS = 1_000
const MAX_BYTES = 4 * 2 ** 20

/** Events in parts that one statement takes well. */
export function chunk(events: readonly NewEvent[]): readonly (readonly NewEvent[])[] {
  const chunks: NewEvent[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const event of events) {
    const size = event.payload.length + (event.metadata?.length ?? 0)
    const current = chunks.at(-1)
    if (current === undefined || current.length === MAX_EVENTS || bytes + size > MAX_BYTES) {
      chunks.push([event])
      bytes = size
    } else {
      current.push(event)
      bytes += size
    }
  }
  return chunks
}
