import type { ChannelOptions } from '../../../src/index.js'

/** What every actor is told when it is started, as JSON in its first argument. */
export interface ActorConfig {
  /** Its name in the history. */
  readonly name: string
  /** Folder of the history. */
  readonly history: string
  readonly url: string
  /** What each of its sessions is told, over a pool of the actor's own; `null` where it opens by URL. */
  readonly session: string | null
  readonly options: Omit<ChannelOptions, 'logger' | 'schemas'>
  readonly channel: string
  /** Channel objects in the process; each is an actor `name/index`. */
  readonly objects: number
  readonly seed: number
  /** How far its `Date` is moved, in milliseconds. */
  readonly clockShiftMs: number
}

export interface WorkerConfig extends ActorConfig {
  readonly concurrency: number
  readonly prefetch: number | 'auto'
  /** Longest time that a handler takes, in milliseconds; what it takes is random. */
  readonly workMs: number
  /** The group it reads a log for; `null` on a queue. */
  readonly group: string | null
  /** Share of the first deliveries that are nacked, with a short delay or none. */
  readonly nacks: number
  /** How long closing waits for handlers, in milliseconds. */
  readonly drainMs: number
}

export interface PublisherConfig extends ActorConfig {
  /** Callers that publish one event after the other, in each object. */
  readonly callers: number
  /** Events of each caller; without it they go on until they are stopped. */
  readonly count: number | null
  /** Longest pause of a caller between two events, in milliseconds. */
  readonly pauseMs: number
  /** Share of the events with a delay, of up to so many milliseconds. */
  readonly delayed: number
  readonly delayMs: number
  /** Share of the events that must be refused: they are larger than allowed. */
  readonly oversized: number
  /** Dedupe keys to pick from, for one event in two; 0 for none. */
  readonly keys: number
  /** Priorities to pick from. */
  readonly priorities: readonly number[]
}

/** What a handler is told to do by the event itself, before it acks. */
export type Step =
  /** Holds up the event loop. */
  | { readonly do: 'block'; readonly ms: number }
  /** Takes its time. */
  | { readonly do: 'wait'; readonly ms: number }
  /** Waits until its lease is lost or the channel closes; in every process, or in the one of that name. */
  | { readonly do: 'hold'; readonly on?: string }
  /** Kills its own process. */
  | { readonly do: 'die' }

/** The payload of every event of a history. */
export interface Payload {
  readonly event: string
  /** What the first handler does. */
  readonly first?: readonly Step[]
  /** What every handler does. */
  readonly every?: readonly Step[]
}
