import { actorOf, idleLatency, onStage, pause, type Who } from '../entries.js'
import type { Entry, Line } from '../line.js'
import { rawNotify, rowcastNotify } from './who.js'

/** Publishes for a while; what a subscriber in another process got, and what it did not. */
function delivering(who: Who, how: 'publish' | 'bulk'): Entry {
  return onStage(who, async (stage, { windowMs }) => {
    const [consumer, publisher] = await Promise.all([actorOf(stage, who), actorOf(stage, who)])
    await consumer.do('consume', { concurrency: 100 })
    const publishing = publisher.do(how, { callers: 256, by: 256, ms: windowMs + 500, bytes: 100 })
    await pause(700)
    const before = await consumer.do('look', undefined)
    const startedMs = performance.now()
    await pause(windowMs)
    const after = await consumer.do('look', undefined)
    const elapsedMs = performance.now() - startedMs
    await publishing
    const { made } = await publisher.do('made', undefined)
    const seen = await consumer.do('seen', { count: made, limitMs: 10_000 })
    return { rate: ((after.count - before.count) * 1_000) / elapsedMs, missed: made - seen.count }
  })
}

export const notifyLines: readonly Line[] = [
  {
    name: 'notify',
    title: 'Postgres, notify: publish by 256 callers, all delivered to a subscriber in another process',
    measure: 'rate',
    unit: 'events/s',
    entries: [
      delivering(rowcastNotify, 'publish'),
      delivering({ ...rawNotify, name: 'raw pg_notify, by 256' }, 'bulk'),
    ],
    targets: [
      { against: 'raw pg_notify, by 256', atLeast: 0.5 },
      { measure: 'missed', atMost: 0 },
    ],
  },
  {
    name: 'notify-latency',
    title: 'Postgres, notify: idle latency, two processes',
    measure: 'p50',
    unit: 'ms',
    entries: [idleLatency(rowcastNotify), idleLatency(rawNotify)],
    targets: [{ against: 'raw NOTIFY', atMost: 1.3 }],
  },
]
