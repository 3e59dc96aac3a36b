import { type Channel, channel } from 'node:diagnostics_channel'
import type { DatabaseClock } from './clock.js'
import { ConfigurationError } from './errors.js'
import type { GapFact, How, ObjectFact, TelemetryFact } from './facts.js'
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

/** What subscribers of the diagnostics channels `rowcast:publish`, `rowcast:process` and `rowcast:settle` get. */
export interface TelemetryMessage {
  readonly fact: TelemetryFact
  /** Of the object whose fact it is: the same as its `channel.telemetry`. */
  readonly telemetry: TelemetryReader
}

/** Counters since the channel was opened, and gauges of this moment, by name. */
export type TelemetrySnapshot = Readonly<Record<CounterName, number>> & Readonly<Record<string, number>>

/** The part of telemetry that users see. */
export interface TelemetryReader {
  /** A plain object of every counter and gauge. */
  snapshot(): TelemetrySnapshot
  /** Streams the facts as they happen; returns the function that ends it. What `fn` throws is ignored. */
  on(fn: (fact: TelemetryFact) => void): () => void
}

/** An event, as far as facts tell of it. */
interface Published {
  readonly id: string
  readonly channel: string
}

/** A delivery, as far as facts tell of it. */
interface Delivered extends Published {
  readonly attempts: number
}

/* For the whole process; held here, since Node forgets a channel when no program refers to it. */
const PUBLISH = channel('rowcast:publish')
const PROCESS = channel('rowcast:process')
const SETTLE = channel('rowcast:settle')

const SETTLED: Readonly<Record<How, CounterName>> = {
  ack: 'events.ack',
  nack: 'events.nack',
  dead: 'events.dead',
  lost: 'events.lease.lost',
}

const OF_THE_OBJECT: Readonly<Record<ObjectFact['type'], CounterName>> = {
  fallback: 'events.fallback',
  reconnected: 'events.reconnect',
  pollEmpty: 'events.poll.empty',
  listenerStarted: 'events.listener.start',
  listenerStopped: 'events.listener.stop',
}

/**
 * Told of each fact once, by the layer that made it true. Counters are made here and nowhere else; a fact is built only while somebody
 * listens, so that to count a thousand acks is one addition.
 */
export class Telemetry implements TelemetryReader {
  readonly #clock: DatabaseClock
  readonly #counts = new Map<CounterName, number>(COUNTERS.map((name) => [name, 0]))
  readonly #gauges = new Map<string, () => number>()
  readonly #observers = new Set<(fact: TelemetryFact) => void>()

  /** @param clock says how long an event has waited */
  constructor(clock: DatabaseClock) {
    this.#clock = clock
  }

  /** @param ids in the order of the events; another than an event's own where its key was taken */
  published(events: readonly { readonly channel: string }[], ids: readonly string[], startedMs: number): void {
    this.#count('events.publish', events.length)
    if (!this.#isHeard(PUBLISH)) return
    const durationMs = performance.now() - startedMs
    for (const [at, { channel }] of events.entries()) {
      this.#tell({ type: 'published', eventId: ids[at] as string, channel, durationMs }, PUBLISH)
    }
  }

  notified(events: readonly Published[]): void {
    this.#count('events.publish.native', events.length)
    if (!this.#isHeard(PUBLISH)) return
    for (const { id, channel } of events) this.#tell({ type: 'notified', eventId: id, channel }, PUBLISH)
  }

  dropped(count: number): void {
    this.#count('events.publish.dropped', count)
    if (count > 0 && this.#isHeard(PUBLISH)) this.#tell({ type: 'dropped', count }, PUBLISH)
  }

  delivered(delivery: Delivered & { readonly availableAtMs: number }, group: string | null): void {
    this.#count('events.deliver', 1)
    if (delivery.attempts > 1) this.#count('events.redeliver', 1)
    if (!this.#isHeard(PROCESS)) return
    const waitMs = Math.max(0, this.#clock.now() - delivery.availableAtMs)
    this.#tell({ type: 'delivered', ...ofDelivery(delivery, group), waitMs }, PROCESS)
  }

  /**
   * When a handler starts; `undefined` while no listener wants facts of handlers: a look at the clock for each event costs. A listener
   * that comes later hears nothing of this handler's end.
   */
  handling(): number | undefined {
    return this.#isHeard(PROCESS) ? performance.now() : undefined
  }

  /** @param error absent when the handler returned */
  handled(
    delivery: Delivered,
    group: string | null,
    startedMs: number | undefined,
    error?: { readonly value: unknown },
  ): void {
    if (startedMs === undefined || !this.#isHeard(PROCESS)) return
    const durationMs = performance.now() - startedMs
    this.#tell({ type: 'handled', ...ofDelivery(delivery, group), durationMs, error: error ?? null }, PROCESS)
  }

  settled(how: How, delivery: Delivered, group: string | null): void {
    this.#count(SETTLED[how], 1)
    if (this.#isHeard(SETTLE)) this.#tell({ type: 'settled', how, ...ofDelivery(delivery, group) }, SETTLE)
  }

  /** @param deliveries names them, asked only while a listener wants facts: `count` of them */
  acked(count: number, deliveries: () => Iterable<Delivered>, group: string | null): void {
    this.#count('events.ack', count)
    if (count === 0 || !this.#isHeard(SETTLE)) return
    for (const delivery of deliveries()) {
      this.#tell({ type: 'settled', how: 'ack', ...ofDelivery(delivery, group) }, SETTLE)
    }
  }

  decodeFailed(channel: string, eventId: string | null): void {
    this.#count('events.decode.failed', 1)
    if (this.#isHeard(PROCESS)) this.#tell({ type: 'decodeFailed', channel, eventId }, PROCESS)
  }

  gap(reason: GapFact['reason'], channels: readonly string[], missed: number | null): void {
    this.#count('events.gap', missed ?? 1)
    if (this.#isHeard()) this.#tell({ type: 'gap', reason, channels, missed })
  }

  /** Something that concerns the whole object. */
  happened(type: ObjectFact['type']): void {
    this.#count(OF_THE_OBJECT[type], 1)
    if (this.#isHeard()) this.#tell({ type })
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

  #count(name: CounterName, count: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count)
  }

  #isHeard(diagnostics?: Channel): boolean {
    return this.#observers.size > 0 || diagnostics?.hasSubscribers === true
  }

  #tell(fact: TelemetryFact, diagnostics?: Channel): void {
    for (const observe of this.#observers) {
      try {
        const answer: unknown = observe(fact)
        if (answer instanceof Promise) detach(answer)
      } catch {
        // An observer is a bystander: what it throws must not decide what happens to an event.
      }
    }
    // What a subscriber throws, Node raises later, as an uncaught exception.
    if (diagnostics?.hasSubscribers) diagnostics.publish({ fact, telemetry: this } satisfies TelemetryMessage)
  }
}

function ofDelivery({ id, channel, attempts }: Delivered, group: string | null) {
  return { eventId: id, channel, attempt: attempts, group }
}
