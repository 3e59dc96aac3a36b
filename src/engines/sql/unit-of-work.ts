import type { Parameters } from './statements.js'

/** A row as it comes back; drivers differ in what they make of a number, so that a verb's reader converts. */
export type Row = Readonly<Record<string, unknown>>

/** A verb by what it is called: its file under sql/<dialect>/, without `.sql`. */
export interface NamedVerb {
  readonly verb: string
}

/** One thing to ask of the database: a verb, what it takes, and what its rows mean. */
export interface Question<Answer> extends NamedVerb {
  readonly parameters: Parameters
  read(rows: readonly Row[]): Answer
}

/** What a unit of work yields: a question, or, for migrations alone, SQL text. */
export type Call = Question<unknown> | { readonly sql: string }

/**
 * A unit of work: yields what it asks, is resumed with the rows. Written once, it runs on a database that is waited for
 * as on one that answers in the same tick, inside our transaction as inside the caller's.
 */
export type Work<Result> = Generator<Call, Result, readonly Row[]>

/** Asks one thing inside a unit of work: `const taken = yield* ask(findKeys(events))`. */
export function* ask<Answer>(question: Question<Answer>): Work<Answer> {
  return question.read(yield question)
}
