import * as assert from 'uvu/assert'
import type { CounterName, TelemetryFact, TelemetrySnapshot } from '../../src/index.js'

/** Every counter, as the reference names them. */
export const COUNTERS: readonly CounterName[] = [
  'events.publish',
  'events.publish.native',
  'events.publish.dropped',
  'events.deliver',
  'events.redeliver',
  'events.ack',
  'events.nack',
  'events.dead',
  'events.lease.lost',
  'events.decode.failed',
  'events.gap',
  'events.fallback',
  'events.reconnect',
  'events.poll.empty',
  'events.listener.start',
  'events.listener.stop',
]

/** What the reference says that a fact counts: written without a look at the source. */
function countersOf(fact: TelemetryFact): Partial<Record<CounterName, number>> {
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

/** Every counter is the sum of the facts. */
export function assertCounted(facts: readonly TelemetryFact[], snapshot: TelemetrySnapshot): void {
  for (const name of COUNTERS) {
    const sum = facts.reduce((total, fact) => total + (countersOf(fact)[name] ?? 0), 0)
    assert.is(sum, snapshot[name], name)
  }
}
