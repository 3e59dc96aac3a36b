import { reasonFor, SLACK_MS, unheardClaims } from './redelivery.js'
import type { DeliveryStory, EventStory, Stories } from './story.js'

/** What is wrong with a history by one promise: a readable sentence for each violation. */
export type Rule = (stories: Stories) => readonly string[]

const each =
  (broken: (story: EventStory, stories: Stories) => string | undefined | false): Rule =>
  (stories) =>
    stories.events.flatMap((story) => broken(story, stories) || [])

/** The steps from one delivery of an event to its next. */
function steps({ deliveries }: EventStory): readonly (readonly [DeliveryStory, DeliveryStory])[] {
  return deliveries.slice(1).map((next, index) => [deliveries[index] as DeliveryStory, next])
}

const who = ({ delivered }: DeliveryStory) => `${delivered.actor} (attempt ${delivered.attempts})`
const name = ({ event, published, deliveries }: EventStory) =>
  `event ${event} [${published?.id ?? deliveries[0]?.delivered.id ?? 'no id'}]`
const ackedOf = ({ deliveries }: EventStory) => deliveries.filter(({ acked }) => acked?.held)
const isAcked = (story: EventStory) => ackedOf(story).length > 0 || story.found.some(({ stage }) => stage === 'acked')
const isDead = ({ found }: EventStory) => found.some(({ stage }) => stage === 'dead')

/** Every event whose publish resolved ends acked or dead, or, when the run was cut short, is still in the tables. */
export const notLost = each((story, { accounted }) => {
  if (story.published === undefined || story.foldedInto !== undefined) return
  if (accounted ? story.found.length > 0 : isAcked(story) || isDead(story)) return
  const delivered = story.deliveries.length === 0 ? 'was never delivered' : `was last with ${who(lastOf(story))}`
  return `${name(story)} is lost: its publish resolved, it ${delivered}, and it is neither acked nor dead nor waiting`
})

function lastOf({ deliveries }: EventStory): DeliveryStory {
  return deliveries.at(-1) as DeliveryStory
}

/** In a run that went on to its end, nothing waits. */
export const settled = each((story) => {
  const waiting = story.found.find(({ stage }) => stage === 'queue' || stage === 'scheduled')
  return waiting && `${name(story)} was not settled: it is still in ${waiting.stage} after ${waiting.attempts} attempts`
})

/** An event is in one stage of life at a time, under one id. */
export const storedOnce = each((story) => {
  const ids = new Set([story.published?.id, ...story.deliveries.map(({ delivered }) => delivered.id)])
  ids.delete(undefined)
  if (ids.size > 1) return `event ${story.event} was stored more than once: as ${[...ids].join(' and ')}`
  const stages = story.found.map(({ stage }) => stage)
  return stages.length > 1 && `${name(story)} is in more than one place: ${stages.join(' and ')}`
})

/** A publish is folded into another event, which has its dedupe key, only while that one lives. */
export const foldedTruly = each((story) => {
  const { foldedInto: original, publishing } = story
  const end = original && ackedOf(original)[0]?.acked
  if (original === undefined || end === undefined || publishing === undefined || end.at >= publishing.at) return
  return `event ${story.event} is lost: its publish resolved with ${name(original)}, which was acked before`
})

/** What was refused for certain or rolled back does not exist. */
export const notInvented = each((story) => {
  const exists = story.deliveries.length > 0 || story.found.length > 0
  if (!exists) return
  if (story.rolledBack) return `${name(story)} exists though its transaction was rolled back`
  if (story.rejected?.definite) return `${name(story)} exists though its publish was refused: ${story.rejected.error}`
  return story.publishing === undefined && `${name(story)} exists though nobody published it`
})

/** It is delivered again only after a nack, a release, the end of a lease that could not be extended, or a death. */
export const redeliveredForAReason: Rule = (stories) =>
  stories.events.flatMap((story) =>
    steps(story)
      .filter(([before, next]) => reasonFor(stories, before, next) === undefined)
      .map(([before, next]) => `${name(story)} was delivered again, to ${who(next)}, while ${who(before)} held it`),
  )

/** An ack that succeeded is the end; nobody else's succeeds. */
export const ackedOnce = each((story) => {
  const acked = ackedOf(story)
  const [first] = acked
  if (first === undefined) return
  if (acked.length > 1) return `${name(story)} was acked by ${acked.map(who).join(' and by ')}`
  if (first !== lastOf(story)) return `${name(story)} went to ${who(lastOf(story))} after ${who(first)} had acked it`
  const [elsewhere] = story.found.filter(({ stage }) => stage !== 'acked')
  return elsewhere && `${name(story)} was acked by ${who(first)} and yet is in ${elsewhere.stage}`
})

/** Whoever acked was told so, unless it died or lost the connection before the answer; whoever lost it could not ack. */
export const ackedTruly = each((story) => {
  const late = ackedOf(story).find(({ lost }) => lost?.certain)
  if (late !== undefined) return `${name(story)} was acked by ${who(late)}, which had been told that it lost the lease`
  if (!story.found.some(({ stage }) => stage === 'acked') || ackedOf(story).length > 0) return
  const told = story.deliveries.every(({ acked, nacked }) => acked !== undefined || nacked !== undefined)
  return told && `${name(story)} is acked, but nobody was told that its ack had succeeded`
})

/** 1 on the first delivery; one more for each claim that was not given back. */
export const attemptsCount = each((story, stories) => {
  let expected = 1
  for (const [index, delivery] of story.deliveries.entries()) {
    const { attempts, at } = delivery.delivered
    const before = story.deliveries[index - 1]
    if (before !== undefined) {
      const released = reasonFor(stories, before, delivery) === 'release'
      expected = before.delivered.attempts + (released ? 0 : 1)
    }
    const sinceMs = before?.delivered.at ?? story.publishing?.at ?? at
    const most = expected + unheardClaims(stories, sinceMs, at)
    if (attempts < expected || attempts > most) {
      return `${name(story)} went to ${who(delivery)} where attempt ${expected === most ? expected : `${expected} to ${most}`} was due`
    }
  }
  return
})

/** Not before its time. */
export const notEarly = each((story) => {
  const dueMs = story.publishing?.notBefore
  const early = story.deliveries.find(({ delivered }) => dueMs !== undefined && delivered.at < dueMs - SLACK_MS)
  return early && `${name(story)} went to ${who(early)} ${Math.round(Number(dueMs) - early.delivered.at)} ms too early`
})

/** Nobody is handed an event whose lease has ended while it waited. */
export const notStale = each((story) => {
  const stale = story.deliveries.find(
    ({ delivered }) => Number(delivered.leaseEndsAt ?? Infinity) < delivered.at - SLACK_MS,
  )
  return stale && `${name(story)} was handed to ${who(stale)} after its lease had ended`
})

/** Per publisher and priority, first deliveries come in the order of the calls. Holds with one consumer and no faults. */
export const inOrder: Rule = ({ events }) => {
  const groups = new Map<string, EventStory[]>()
  for (const story of events) {
    if (story.publishing === undefined || story.deliveries.length === 0) continue
    const key = `${story.publishing.actor} at priority ${story.publishing.priority}`
    groups.set(key, [...(groups.get(key) ?? []), story])
  }
  return [...groups].flatMap(([group, stories]) => {
    const delivered = stories.toSorted((a, b) => firstAt(a) - firstAt(b))
    const index = stories.findIndex((story, position) => story !== delivered[position])
    const [due, came] = [stories[index], delivered[index]]
    return due && came ? [`of ${group}, ${name(came)} came where ${name(due)} was due`] : []
  })
}

function firstAt({ deliveries }: EventStory): number {
  return Math.min(...deliveries.map(({ delivered }) => delivered.at))
}

/** Nothing reaches a process unhandled. */
export const nothingUnhandled: Rule = ({ facts }) =>
  facts.flatMap((fact) => (fact.type === 'unhandled' ? [`${fact.actor} met something unhandled: ${fact.error}`] : []))
