import { ConfigurationError } from './errors.js'
import { groupBy } from './group-by.js'
import { detach } from './wait.js'

/** Every counter, so that a snapshot always names them all. */
export const COUNTERS = [
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
] as const

/** The name of a counter. @see docs/reference.md for what each counts */
export type CounterName = (typeof COUNTERS)[number]

/** One fact, at the moment it became true. */
export interface TelemetryFact {
  readonly name: CounterName
  /** How many; 1 where facts come alone. */
  readonly count: number
  /** The event channel it concerns; absent where it concerns the whole object. */
  readonly channel?: string
}

/** Counters since the channel was opened, and gauges of this moment, by name. */
export type TelemetrySnapshot = Readonly<Record<CounterName, number>> & Readonly<Record<string, number>>

/** The part of telemetry that users see. */
export interface TelemetryReader {
  /** A plain object of every counter and gauge. */
  snapshot(): TelemetrySnapshot
  /** Streams the same facts as they happen; returns the function that ends it. What `fn` throws is ignored. */
  on(fn: (fact: TelemetryFact) => void): () => void
}

/** Counts each fact once, in the layer that made it true. */
export class Telemetry implements TelemetryReader {
  readonly #counts = new Map<CounterName, number>(COUNTERS.map((name) => [name, 0]))
  readonly #gauges = new Map<string, () => number>()
  readonly #observers = new Set<(fact: TelemetryFact) => void>()

  count(name: CounterName, count = 1, channel?: string): void {
    if (count === 0) return
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count)
    for (const observe of this.#observers) {
      try {
        const answer: unknown = observe(channel === undefined ? { name, count } : { name, count, channel })
        if (answer instanceof Promise) detach(answer)
      } catch {
        // An observer is a bystander: what it throws must not decide what happens to an event.
      }
    }
  }

  /** Counts some events, for each channel that they are on. */
  countEach(name: CounterName, events: readonly { readonly channel: string }[]): void {
    if (this.#observers.size === 0) this.count(name, events.length)
    else
      for (const [channel, { length }] of groupBy(events, (event) => event.channel)) this.count(name, length, channel)
  }

  gauge(name: string, read: () => number): void {
    this.#gauges.set(name, read)
  }

  snapshot(): TelemetrySnapshot {
    const gauges = [...this.#gauges].map(([name, read]) => [name, read()] as const)
    return Object.fromEntries([...this.#counts, ...gauges]) as TelemetrySnapshot
  }

  on(fn: (fact: TelemetryFact) => void): () => void {
    if (typeof fn !== 'function') throw new ConfigurationError('telemetry.on: pass a function that takes a fact')
    this.#observers.add(fn)
    return () => void this.#observers.delete(fn)
  }
}
