import type { Fact, FactOf } from './fact.js'

/** One delivery, from handing out to settling. */
export interface DeliveryStory {
  readonly delivered: FactOf<'delivered'>
  acking?: FactOf<'acking'>
  acked?: FactOf<'acked'>
  nacking?: FactOf<'nacking'>
  nacked?: FactOf<'nacked'>
  unsettled?: FactOf<'unsettled'>
  lost?: FactOf<'lost'>
}

/** One event, from publishing to its end. */
export interface EventStory {
  readonly event: string
  publishing?: FactOf<'publishing'>
  published?: FactOf<'published'>
  rejected?: FactOf<'rejected'>
  rolledBack?: FactOf<'rolledBack'>
  /** In the order of their claims: by attempts, then by time. */
  readonly deliveries: DeliveryStory[]
  readonly found: FactOf<'found'>[]
  /** The event whose id its publish resolved with, when that is another: their dedupe keys were the same. */
  foldedInto?: EventStory
}

/** A history, told by events and by what befell the actors. */
export interface Stories {
  readonly facts: readonly Fact[]
  readonly events: readonly EventStory[]
  /** Whether the tables were read when all was over. */
  readonly accounted: boolean
  readonly closings: readonly FactOf<'closing'>[]
  readonly deaths: readonly FactOf<'died'>[]
  readonly hindrances: readonly FactOf<'hindered'>[]
}

/** Tells a history, given in order of time, by events. */
export function tell(facts: readonly Fact[]): Stories {
  const events = new Map<string, EventStory>()
  const storyOf = (event: string): EventStory => {
    const story = events.get(event) ?? { event, deliveries: [], found: [] }
    events.set(event, story)
    return story
  }
  for (const fact of facts) if ('event' in fact) addTo(storyOf(fact.event), fact)
  for (const { deliveries } of events.values()) {
    deliveries.sort((a, b) => a.delivered.attempts - b.delivered.attempts || a.delivered.at - b.delivered.at)
  }
  fold([...events.values()])
  const all = <Type extends Fact['type']>(type: Type) =>
    facts.filter((fact): fact is FactOf<Type> => fact.type === type)
  return {
    facts,
    events: [...events.values()],
    accounted: all('accounted').length > 0,
    closings: all('closing'),
    deaths: all('died'),
    hindrances: all('hindered'),
  }
}

/** Only an event that exists itself can be what others were folded into. */
function fold(stories: readonly EventStory[]): void {
  const byId = new Map<string, EventStory>()
  for (const story of stories) {
    for (const { id } of [...story.deliveries.map(({ delivered }) => delivered), ...story.found]) byId.set(id, story)
  }
  for (const story of stories) {
    const original = story.published && byId.get(story.published.id)
    const exists = story.deliveries.length > 0 || story.found.length > 0
    if (original !== undefined && original !== story && !exists) story.foldedInto = original
  }
}

function addTo(story: EventStory, fact: Extract<Fact, { event: string }>): void {
  switch (fact.type) {
    case 'delivered':
      story.deliveries.push({ delivered: fact })
      return
    case 'found':
      story.found.push(fact)
      return
    case 'acking':
    case 'acked':
    case 'nacking':
    case 'nacked':
    case 'unsettled':
    case 'lost': {
      const delivery = story.deliveries.findLast(
        ({ delivered }) => delivered.actor === fact.actor && delivered.attempts === fact.attempts,
      )
      if (delivery !== undefined) Object.assign(delivery, { [fact.type]: fact })
      return
    }
    default:
      Object.assign(story, { [fact.type]: fact })
  }
}

/** Whether what happened to `subject` happened to `actor`. */
export function concerns(subject: string, actor: string): boolean {
  return subject === '*' || subject === actor || actor.startsWith(`${subject}/`)
}
