import { concerns, type DeliveryStory, type Stories } from './story.js'

/** How far two processes and the database may see the same moment apart, in milliseconds. */
export const SLACK_MS = 100

/** Why an event may be delivered again: how its holder of before lost it. `undefined`: for no reason. */
export type Reason = 'nack' | 'release' | 'death' | 'expiry'

export function reasonFor(
  stories: Stories,
  { delivered, nacking, nacked }: DeliveryStory,
  { delivered: next }: DeliveryStory,
): Reason | undefined {
  const before = next.at + SLACK_MS
  const mine = (fact: { actor: string }) => concerns(fact.actor, delivered.actor)
  // It happened before the answer; and it may have happened although nobody lived, or was reached, to be told.
  const mayBeNacked = nacked === undefined ? nacking !== undefined : nacked.held
  if (mayBeNacked && Number((nacking ?? nacked)?.at) - SLACK_MS <= before) return 'nack'
  if (
    stories.closings.some((closing) => mine(closing) && closing.at <= before && closing.at >= delivered.at - SLACK_MS)
  ) {
    return 'release'
  }
  const ended = delivered.leaseEndsAt !== null && delivered.leaseEndsAt <= before
  if (!ended) return undefined
  if (stories.deaths.some((death) => mine(death) && death.at <= before)) return 'death'
  const hindered = stories.hindrances.some(
    (hindrance) => mine(hindrance) && hindrance.at - hindrance.ms <= before && hindrance.at >= delivered.at - SLACK_MS,
  )
  return hindered ? 'expiry' : undefined
}

/** How many claims nobody heard of there may have been in between: made by those who died or stood still with them. */
export function unheardClaims({ deaths, hindrances }: Stories, fromMs: number, toMs: number): number {
  const within = (startMs: number, endMs: number) => startMs <= toMs + SLACK_MS && endMs >= fromMs - SLACK_MS
  return (
    deaths.filter(({ at }) => within(at, at)).length + hindrances.filter(({ at, ms }) => within(at - ms, at)).length
  )
}

/** From when on an event that was given back, or fell back, waited for its next delivery. */
export function readyAgainMs(stories: Stories, before: DeliveryStory, next: DeliveryStory): number {
  const { delivered, nacking, nacked } = before
  const mine = (fact: { actor: string; at: number }) => concerns(fact.actor, delivered.actor) && fact.at >= delivered.at
  switch (reasonFor(stories, before, next)) {
    case 'nack':
      return ((nacking ?? nacked)?.at ?? next.delivered.at) + ((nacking ?? nacked)?.delayMs ?? 0)
    case 'release':
      return stories.closings.find(mine)?.at ?? delivered.at
    case 'death':
      return stories.deaths.find(mine)?.at ?? delivered.at
    default:
      return delivered.leaseEndsAt ?? delivered.at
  }
}
