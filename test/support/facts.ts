import type { CounterName, TelemetryFact } from '../../src/index.js'

/** What the reference says that a fact counts: written without a look at the source. */
export function countersOf(fact: TelemetryFact): Partial<Record<CounterName, number>> {
  switch (fact.type) {
    case 'published':
      return { 'events.publish': 1 }
    case 'notified':
      return { 'events.publish.native': 1 }
    case 'dropped':
      return { 'events.publish.dropped': fact.count }
    case 'delivered':
      return { 'events.deliver': 1, 'events.redeliver': fact.attempt > 1 ? 1 : 0 }
    case 'handled':
      return {}
    case 'settled':
      return { [fact.how === 'lost' ? 'events.lease.lost' : (`events.${fact.how}` as const)]: 1 }
    case 'decodeFailed':
      return { 'events.decode.failed': 1 }
    case 'gap':
      return { 'events.gap': fact.missed ?? 1 }
    case 'fallback':
      return { 'events.fallback': 1 }
    case 'reconnected':
      return { 'events.reconnect': 1 }
    case 'pollEmpty':
      return { 'events.poll.empty': 1 }
    case 'listenerStarted':
      return { 'events.listener.start': 1 }
    case 'listenerStopped':
      return { 'events.listener.stop': 1 }
  }
}
