import type { Fact } from './fact.js'
import * as rules from './rules.js'
import { longestStallMs } from './stall.js'
import { tell } from './story.js'

export interface JudgeOptions {
  /** One consumer and no faults: hold first deliveries to the order of publishing. @default false */
  readonly ordered?: boolean
  /** The run was cut short: what still waits in the tables is fine. @default false */
  readonly cutShort?: boolean
}

/** What a history comes to. It kept every promise when there is no violation. */
export interface Judgement {
  /** A readable sentence each, with ids. */
  readonly violations: readonly string[]
  /** Whose publish resolved. */
  readonly events: number
  readonly deliveries: number
  readonly lost: number
  readonly wronglyRedelivered: number
  /** Longest time that something was waiting and nobody was handed anything. */
  readonly longestStallS: number
}

/**
 * Judges what publishers and consumers of many processes saw, and what the tables held in the end, by the promises of
 * the queue.
 * @param facts in order of time, as a `HistoryReader` has them
 */
export function judge(facts: readonly Fact[], { ordered = false, cutShort = false }: JudgeOptions = {}): Judgement {
  const stories = tell(facts)
  const lost = [...rules.notLost(stories), ...rules.foldedTruly(stories)]
  const wronglyRedelivered = rules.redeliveredForAReason(stories)
  const others = [
    rules.storedOnce,
    rules.notInvented,
    rules.ackedOnce,
    rules.ackedTruly,
    rules.attemptsCount,
    rules.notEarly,
    rules.notStale,
    rules.nothingUnhandled,
    ...(cutShort ? [] : [rules.settled]),
    ...(ordered ? [rules.inOrder] : []),
  ]
  return {
    violations: [...lost, ...wronglyRedelivered, ...others.flatMap((rule) => rule(stories))],
    events: stories.events.filter(({ published, foldedInto }) => published && !foldedInto).length,
    deliveries: stories.events.reduce((sum, { deliveries }) => sum + deliveries.length, 0),
    lost: lost.length,
    wronglyRedelivered: wronglyRedelivered.length,
    longestStallS: Math.round(longestStallMs(stories)) / 1_000,
  }
}

/** Throws with the first violations, for a test to fail on; returns the judgement for its numbers. */
export function assertKept(judgement: Judgement): Judgement {
  const { violations } = judgement
  if (violations.length === 0) return judgement
  const shown = violations.slice(0, 10).join('\n')
  throw new Error(`${violations.length} broken promises:\n${shown}`)
}
