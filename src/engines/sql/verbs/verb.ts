import type { Parameters } from '../statements.js'
import type { NamedVerb, Question, Row } from '../unit-of-work.js'

/** A verb: makes the question that asks it. Verbs are the only readers of rows. */
export interface Verb<Args extends readonly unknown[], Answer> extends NamedVerb {
  (...args: Args): Question<Answer>
}

/**
 * @param toParameters makes the parameters of the SQL, which its header names
 * @param read makes of the rows what they mean
 */
export function defineVerb<const Args extends readonly unknown[], Answer>(
  verb: string,
  toParameters: (...args: Args) => Parameters,
  read: (rows: readonly Row[], ...args: Args) => Answer,
): Verb<Args, Answer> {
  const question = (...args: Args): Question<Answer> => ({
    verb,
    parameters: toParameters(...args),
    read: (rows) => read(rows, ...args),
  })
  return Object.assign(question, { verb })
}

/** For what is done, and answers nothing. */
export function nothing(): void {}

export function countRows(rows: readonly Row[]): number {
  return rows.length
}

export function readIds(rows: readonly Row[]): ReadonlySet<string> {
  return new Set(rows.map(({ id }) => String(id)))
}

export function readChannels(rows: readonly Row[]): readonly string[] {
  return rows.map(({ channel }) => String(channel))
}

/** Whether a long poll has seen something. */
export function isFound(rows: readonly Row[]): boolean {
  return rows.length > 0
}

/** The database's time, in epoch milliseconds, where a statement says it. */
export function readNow([row]: readonly Row[]): number | undefined {
  return row?.now_ms === undefined ? undefined : Number(row.now_ms)
}

/** A column that may be null, as text. */
export function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}

/** Drivers differ in what they make of a boolean. */
export function isTrue(value: unknown): boolean {
  return ['t', 'true', '1'].includes(String(value))
}
