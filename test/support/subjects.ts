import type { Capability } from '../../src/engine.js'
import { DATABASES, type Place, type TestDatabase } from './databases.js'
import { mapEngine } from './map-engine.js'
import { suite } from './suite.js'

/*
 * What the contract is held to: every engine, by the features that it declares. A promise that needs more is not asked of it.
 */

/** What an engine under test may have beyond carrying events: what its backends can do, and what the tests see it by. */
export type Feature =
  | Capability
  /** Events have a lease, which a heartbeat keeps and which ends. */
  | 'lease'
  /** What failed for good is kept, and counted. */
  | 'deadLetters'
  /** What is given back goes before what was published later. */
  | 'order'
  /** Connections and tables, for tests that look behind it. */
  | 'tables'

/** An engine under test. */
export interface Subject {
  readonly name: string
  readonly features: ReadonlySet<Feature>
  /** SQL for a point in time so many seconds ago, where it has tables. */
  ago(seconds: number): string
  place(): Promise<Place>
}

const QUEUE: readonly Feature[] = [
  ...(['delay', 'priority', 'dedupeKey', 'maxAttempts', 'transaction'] as const),
  ...(['lease', 'deadLetters', 'order', 'tables'] as const),
]

/** An engine over a `Map`, which has nothing of its own but that it carries events. */
export const MAP: Subject = {
  name: 'a Map',
  features: new Set(),
  ago: () => lacks(),
  place: async () => ({
    url: 'map:',
    target: mapEngine(),
    options: {},
    table: lacks,
    sql: lacks,
    begin: lacks,
    [Symbol.asyncDispose]: async () => undefined,
  }),
}

function lacks(): never {
  throw new Error('an engine over a Map has no tables')
}

export type DatabaseSubject = TestDatabase & Subject

/** Every database, with what its queue can do. */
export const ON_DATABASES: readonly DatabaseSubject[] = DATABASES.map((database) => ({
  ...database,
  features: new Set<Feature>([...QUEUE, ...(database.name === 'sqlite' ? (['sync'] as const) : [])]),
}))

/** Whose queue is held to the contract. */
export const SUBJECTS: readonly Subject[] = [...ON_DATABASES, MAP]

/** A suite of promises; what a promise needs is said before it: `test.needs('delay')('a delayed event waits', …)`. */
export function contract(title: string, subject: Pick<Subject, 'features'>) {
  const test = suite(title)
  const needs =
    (...features: readonly Feature[]) =>
    (...promise: Parameters<typeof test>) => {
      if (features.every((feature) => subject.features.has(feature))) test(...promise)
    }
  return Object.assign(test, { needs })
}
