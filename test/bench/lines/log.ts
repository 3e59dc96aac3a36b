import { actorOf, draining, idleLatency, onStage, publishing, type Who } from '../entries.js'
import { type Entry, type Line, percentile } from '../line.js'
import { rowcast, withDefaults } from './who.js'

const queue = withDefaults(rowcast, 'its queue')
const group: Who = {
  ...rowcast,
  options: { backend: 'log', listen: { group: 'bench', from: 'earliest' } },
}
const alone: Who = { ...rowcast, options: { backend: 'log' } }

/** One event every 10 ms, while so many subscribers in another process read everything. */
function watched(who: Who, subscribers: number): Entry {
  return onStage(who, async (stage, { quick }) => {
    const [publisher, reader] = await Promise.all([actorOf(stage, who), actorOf(stage, who)])
    for (let i = 0; i < subscribers; i++) await reader.do('consume', { concurrency: 1 })
    await publisher.do('calls', { count: 50, everyMs: 10, bytes: 100 })
    const calls = await publisher.do('calls', { count: quick ? 100 : 400, everyMs: 10, bytes: 100 })
    const seen = await reader.do('seen', { count: (calls.length + 50) * subscribers, limitMs: 10_000 })
    return { p50: percentile(calls, 50), p99: percentile(calls, 99), seen: seen.count }
  })
}

export const logLines: readonly Line[] = [
  {
    name: 'log-publish',
    title: 'Postgres, log: publish() awaited by 256 concurrent callers in one process',
    measure: 'rate',
    unit: 'events/s',
    entries: [publishing(alone, 256), publishing(queue, 256)],
    targets: [{ against: 'its queue', atLeast: 0.7 }],
  },
  {
    name: 'log-drain',
    title: 'Postgres, log: one group reads a backlog of 100 000, concurrency 100',
    measure: 'rate',
    unit: 'events/s',
    entries: [draining(group), draining(queue)],
    targets: [{ against: 'its queue', atLeast: 2 }],
  },
  {
    name: 'log-latency',
    title: 'Postgres, log: idle latency, publish call to handler, two processes, one event every 20 ms',
    measure: 'p50',
    unit: 'ms',
    entries: [idleLatency(alone), idleLatency(queue)],
    targets: [{ against: 'its queue', atMost: 2 }],
  },
  {
    name: 'log-subscribers',
    title: 'Postgres, log: what a lone publish() takes, one every 10 ms, with ten subscribers in another process',
    measure: 'p50',
    unit: 'ms',
    entries: [watched(alone, 10), watched({ ...alone, name: 'with none' }, 0)],
    targets: [{ against: 'with none', atMost: 1.2 }],
  },
]
