import { actorOf, draining, idleLatency, onStage, publishing, type Who } from '../entries.js'
import type { Entry, Line } from '../line.js'
import { rowcast, withDefaults } from './who.js'

const queue = withDefaults(rowcast, 'its queue')
const group: Who = {
  ...rowcast,
  options: { backend: 'log', listen: { group: 'bench', from: 'earliest' } },
}
const alone: Who = { ...rowcast, options: { backend: 'log' } }

/** 256 callers publish while ten subscribers in another process read everything. */
function watched(who: Who, subscribers: number): Entry {
  return onStage(who, async (stage, { windowMs }) => {
    const [publisher, reader] = await Promise.all([actorOf(stage, who), actorOf(stage, who)])
    for (let i = 0; i < subscribers; i++) await reader.do('consume', { concurrency: 1 })
    return { rate: await publisher.do('publish', { callers: 256, ms: windowMs, bytes: 100 }) }
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
    title: 'Postgres, log: publish() by 256 callers, with ten subscribers in another process and with none',
    measure: 'rate',
    unit: 'events/s',
    entries: [watched(alone, 10), watched({ ...alone, name: 'with none' }, 0)],
    targets: [{ against: 'with none', atLeast: 0.7 }],
  },
]
