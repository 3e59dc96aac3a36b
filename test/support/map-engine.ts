import { setTimeout as sleep } from 'node:timers/promises'
import type { Telemetry } from '../../src/common/telemetry.js'
import type { Backend, Engine, EngineContext, EngineSource, Inbox, Operator, Outcome } from '../../src/engine.js'
import type { Delivery, EventId, NewEvent, Settlement } from '../../src/event.js'

/** How often an inbox looks, in milliseconds. */
const LOOK_MS = 2

interface Stored {
  readonly event: NewEvent
  readonly createdAtMs: number
  readonly availableAtMs: number
  readonly attempts: number
}

/** Carries events in a `Map` of this process: an engine as small as one can be, which can do nothing but carry them. */
export function mapEngine(): EngineSource {
  const channels = new Map<string, Stored[]>()
  return { engine: 'map', connect: async () => new MapEngine(channels) }
}

class MapEngine implements Engine {
  readonly name = 'map'
  readonly defaultBackend = 'queue'
  readonly #channels: Map<string, Stored[]>

  constructor(channels: Map<string, Stored[]>) {
    this.#channels = channels
  }

  async now(): Promise<number> {
    return Date.now()
  }

  async open(_backend: string, { telemetry }: EngineContext): Promise<Backend> {
    return new MapBackend(this.#channels, telemetry)
  }

  operator(): Operator {
    const none = { leased: 0, dead: 0, oldestReadyMs: null, head: null, groups: [] }
    return {
      stats: async (wanted) =>
        [...this.#channels].flatMap(([channel, all]) => {
          if (all.length === 0 || (wanted !== undefined && channel !== wanted)) return []
          const ready = all.filter(({ availableAtMs }) => availableAtMs <= Date.now()).length
          return [{ channel, ready, scheduled: all.length - ready, ...none }]
        }),
    }
  }

  async migrate(): Promise<readonly []> {
    return []
  }

  abandon(): void {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

class MapBackend implements Backend {
  readonly name = 'queue'
  readonly can = new Set<never>()
  readonly #channels: Map<string, Stored[]>
  readonly #telemetry: Telemetry

  constructor(channels: Map<string, Stored[]>, telemetry: Telemetry) {
    this.#channels = channels
    this.#telemetry = telemetry
  }

  async publish(events: readonly NewEvent[]): Promise<readonly EventId[]> {
    const nowMs = Date.now()
    for (const event of events) this.put({ event, createdAtMs: nowMs, availableAtMs: nowMs, attempts: 0 })
    return events.map(({ id }) => id)
  }

  async subscribe(channels: readonly string[]): Promise<Inbox> {
    return new MapInbox(this, channels, this.#telemetry)
  }

  put(stored: Stored): void {
    const { channel } = stored.event
    this.#channels.set(channel, [...(this.#channels.get(channel) ?? []), stored])
  }

  take(channel: string): Stored | undefined {
    const all = this.#channels.get(channel) ?? []
    const due = all.findIndex(({ availableAtMs }) => availableAtMs <= Date.now())
    return due < 0 ? undefined : all.splice(due, 1)[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class MapInbox implements Inbox {
  readonly isPlenty = false
  readonly #backend: MapBackend
  readonly #channels: readonly string[]
  readonly #telemetry: Telemetry
  readonly #held = new Map<EventId, Stored>()

  constructor(backend: MapBackend, channels: readonly string[], telemetry: Telemetry) {
    this.#backend = backend
    this.#channels = channels
    this.#telemetry = telemetry
  }

  async take(limit: number, signal: AbortSignal): Promise<readonly Delivery[]> {
    for (;;) {
      const taken: Delivery[] = []
      for (const channel of this.#channels) {
        for (
          let next = this.#next(limit - taken.length, channel);
          next;
          next = this.#next(limit - taken.length, channel)
        ) {
          taken.push(next)
        }
      }
      if (taken.length > 0 || signal.aborted) return taken
      await sleep(LOOK_MS)
    }
  }

  ack(delivery: Delivery, outcome: Outcome): void {
    const held = this.#held.delete(delivery.id)
    if (held) this.#telemetry.settled('ack', delivery, null)
    outcome.onSettled(held)
  }

  async settle(delivery: Delivery, how: Settlement): Promise<boolean> {
    const { id } = delivery
    const stored = this.#held.get(id)
    if (stored === undefined || how.type === 'extend') return stored !== undefined
    this.#held.delete(id)
    if (how.type === 'release') this.#backend.put({ ...stored, attempts: stored.attempts - 1 })
    if (how.type !== 'release') this.#telemetry.settled('nack', delivery, null)
    if (how.type === 'nack') this.#backend.put({ ...stored, availableAtMs: Date.now() + how.delayMs })
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #next(limit: number, channel: string): Delivery | undefined {
    const stored = limit > 0 ? this.#backend.take(channel) : undefined
    if (stored === undefined) return undefined
    const held = { ...stored, attempts: stored.attempts + 1 }
    this.#held.set(stored.event.id, held)
    const { event, ...times } = held
    return { ...event, ...times, position: null, lease: null }
  }
}
