import type { ContestantName } from './contestant.js'
import { type Entry, type Figures, type Pace, percentile } from './line.js'
import { type Actor, type Ground, Stage } from './stage.js'

/** Size of a payload as JSON, in bytes. */
const BYTES = 100
/** At most this long for a backlog that somebody is slow to drain, in milliseconds. */
const DRAIN_LIMIT_MS = 60_000

/** Somebody on some ground, set in some way. */
export interface Who {
  readonly name: string
  readonly contestant: ContestantName
  readonly ground: Ground
  readonly options?: Readonly<Record<string, unknown>>
  readonly channels?: readonly string[]
}

/** An entry that works on a stage of its own. */
export function onStage(who: Who, run: (stage: Stage, pace: Pace) => Promise<Figures>): Entry {
  return {
    name: who.name,
    async run(pace) {
      await using stage = await Stage.open(who.ground)
      return await run(stage, pace)
    },
  }
}

/** A process with this contestant in it. */
export function actorOf(stage: Stage, { contestant, options = {}, channels }: Who): Promise<Actor> {
  return stage.actor(contestant, { options, ...(channels && { channels }) })
}

/** `publish()`, each call awaited by one of so many callers. */
export function publishing(who: Who, callers: number, bytes = BYTES): Entry {
  return onStage(who, async (stage, { windowMs }) => {
    const publisher = await actorOf(stage, who)
    return { rate: await publisher.do('publish', { callers, ms: windowMs, bytes }) }
  })
}

/** So many events in one call, one call after another. */
export function bulk(who: Who, by: number, bytes = BYTES): Entry {
  return onStage(who, async (stage, { windowMs }) => {
    const publisher = await actorOf(stage, who)
    return { rate: await publisher.do('bulk', { by, ms: windowMs, bytes }) }
  })
}

interface Drain {
  readonly concurrency?: number
  /** Events, for those who would take too long over the pace's backlog. */
  readonly count?: number
  readonly bytes?: number
  /** Longest that it may take, in milliseconds. */
  readonly limitMs?: number
  /** Done to the place before the consumer starts. */
  prepare?(stage: Stage, pace: Pace): Promise<void>
}

/** Hands a backlog to a handler that does nothing; from the first event to the last. */
export function draining(who: Who, drain: Drain = {}): Entry {
  return onStage(who, async (stage, pace) => {
    const { concurrency = 100, bytes = BYTES, limitMs = DRAIN_LIMIT_MS } = drain
    const count = Math.min(drain.count ?? pace.backlog, pace.backlog)
    const consumer = await actorOf(stage, who)
    await drain.prepare?.(stage, pace)
    await consumer.do('fill', { count, bytes })
    await consumer.do('consume', { concurrency })
    const seen = await consumer.do('seen', { count, limitMs })
    return { rate: ((seen.count - 1) * 1_000) / (seen.lastMs - seen.firstMs) }
  })
}

/** 256 callers publish in one process while another consumes; what the consumer gets. */
export function bothAtOnce(who: Who): Entry {
  return onStage(who, async (stage, { windowMs }) => {
    const [consumer, publisher] = await Promise.all([actorOf(stage, who), actorOf(stage, who)])
    await consumer.do('consume', { concurrency: 100 })
    const publishing = publisher.do('publish', { callers: 256, ms: windowMs + 500, bytes: BYTES })
    await pause(700)
    const before = await consumer.do('look', undefined)
    const startedMs = performance.now()
    await pause(windowMs)
    const after = await consumer.do('look', undefined)
    const rate = ((after.count - before.count) * 1_000) / (performance.now() - startedMs)
    return { rate, published: await publishing }
  })
}

/** From the publish call in one process to the handler in another, with nothing else going on. */
export function idleLatency(who: Who): Entry {
  return onStage(who, async (stage, { quick }) => {
    const [consumer, publisher] = await Promise.all([actorOf(stage, who), actorOf(stage, who)])
    await consumer.do('consume', { concurrency: 10 })
    await pause(500)
    const count = quick ? 100 : 400
    await publisher.do('tick', { count: WARM_UP_TICKS, everyMs: 1, bytes: BYTES })
    await consumer.do('seen', { count: WARM_UP_TICKS, limitMs: 30_000 })
    await publisher.do('tick', { count, everyMs: 20, bytes: BYTES })
    await consumer.do('seen', { count: count + WARM_UP_TICKS, limitMs: 5_000 })
    const latencies = (await consumer.do('latencies', undefined)).slice(WARM_UP_TICKS)
    return { p50: percentile(latencies, 50), p99: percentile(latencies, 99), seen: latencies.length }
  })
}

/**
 * Ticks before those that count, in quick succession: what runs for a while has been compiled. After a thousand, half of it
 * is not yet.
 */
const WARM_UP_TICKS = 8_000

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
