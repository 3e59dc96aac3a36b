import { ContentionError, MigrationError } from '../../../common/errors.js'
import { backoffMs, retry } from '../../../common/retry.js'
import { countChanges, elementsOf, isDue, type Parameters, type Statement, type Statements } from '../statements.js'
import type { Call, Question, Row, Work } from '../unit-of-work.js'
import type { TimeLimit } from './in-time.js'
import { bindInParts, type StatementLimits } from './parts.js'

/** One statement with its values, ready for a driver. */
export interface Prepared {
  readonly statement: Statement
  readonly values: (string | number | boolean | null)[]
  /** What it runs for, one at a time, where it is such a statement. */
  readonly elements?: readonly Row[]
  /** Whether it is one of several that are one statement, so that all are done or none. */
  readonly isPart?: boolean
  /** How many rows it must change; where it does not, all is undone. */
  readonly changes?: number | undefined
}

/** A unit of work, spelled out into the statements that a driver runs one after another. */
export type Steps<Result> = Generator<Prepared, Result, readonly Row[]>

/**
 * Turns verbs into their statements; the rows of each step are a list parameter of the steps after it, unless the step is
 * left out and the caller gives them.
 * @param limits how large a statement may be. Absent: the database takes any
 */
export function* expand<Result>(statements: Statements, work: Work<Result>, limits?: StatementLimits): Steps<Result> {
  let next = work.next()
  while (!next.done) {
    try {
      const rows = yield* expandCall(statements, next.value, limits)
      next = work.next(rows)
    } catch (error) {
      next = work.throw(error)
    }
  }
  return next.value
}

function* expandCall(statements: Statements, call: Call, limits: StatementLimits | undefined): Steps<readonly Row[]> {
  if ('sql' in call) {
    return yield { statement: migration(call.sql), values: [] }
  }
  const parameters = { ...call.parameters }
  const rows: Row[] = []
  for (const statement of statements.get(call.verb)) {
    const due = isDue(statement, parameters)
    const found = due ? yield* prepare(statement, parameters, limits) : []
    if (due || !(statement.name in parameters)) parameters[statement.name] = found
    if (statement.isReturned) for (const row of found) rows.push(row)
  }
  return rows
}

function* prepare(
  statement: Statement,
  parameters: Parameters,
  limits: StatementLimits | undefined,
): Steps<readonly Row[]> {
  const elements = elementsOf(statement, parameters)
  const parts = bindInParts(statement, parameters, limits)
  const isPart = parts.length > 1
  const changes = countChanges(statement, parameters)
  const rows: Row[] = []
  for (const values of parts) {
    const found = yield { statement, values, elements, isPart, changes }
    if (!isPart) return found
    for (const row of found) rows.push(row)
  }
  return rows
}

/** What a statement of a migration is called. */
export const MIGRATION = 'migration'

function migration(text: string): Statement {
  return {
    ...{ name: MIGRATION, title: MIGRATION, text },
    ...{ isReturned: false, unless: [], when: [], each: null, changes: null },
    ...{ parameters: [], fields: [], layouts: new Map(), cuttable: [], counted: [] },
  }
}

/** A unit of work of a single question, which answers with its rows. */
export function* single(question: Question<unknown>): Work<readonly Row[]> {
  return yield question
}

/** Runs statements on a driver that is waited for. */
export async function drive<Result>(
  steps: Steps<Result>,
  query: (prepared: Prepared) => Promise<readonly Row[]>,
): Promise<Result> {
  let next = steps.next()
  while (!next.done) {
    const rows = await query(next.value).catch((error: unknown) => new Failure(error))
    next = rows instanceof Failure ? steps.throw(rows.error) : steps.next(rows)
  }
  return next.value
}

/** Runs statements on a driver that answers at once. */
export function driveSync<Result>(steps: Steps<Result>, query: (prepared: Prepared) => readonly Row[]): Result {
  let next = steps.next()
  while (!next.done) {
    let rows: readonly Row[]
    try {
      rows = query(next.value)
    } catch (error) {
      next = steps.throw(error)
      continue
    }
    next = steps.next(rows)
  }
  return next.value
}

class Failure {
  constructor(readonly error: unknown) {}
}

/** How often work that lost against another transaction is tried again, with growing random pauses (about 10 s in all). */
const CONTENTION_ATTEMPTS = 40
/** For how long at most, in milliseconds: a try may take as long as the server's own limit for a statement. */
const CONTENTION_MS = 20_000

/**
 * Does work again that the server has undone for certain.
 * @param limit absent: as long as `CONTENTION_MS`, and once more in any case
 */
export function retryOnContention<Result>(work: () => Promise<Result>, limit?: TimeLimit): Promise<Result> {
  const startedMs = performance.now()
  const isLast = (attempt: number) => {
    if (limit !== undefined) return limit.leftMs === 0
    const isLate = attempt > 1 && performance.now() - startedMs > CONTENTION_MS
    return isLate || attempt === CONTENTION_ATTEMPTS
  }
  return retry(
    {
      isWorthAnother: (error, attempt) => error instanceof ContentionError && !isLast(attempt),
      pauseMs: (attempt) => backoffMs(attempt, { minMs: 4, maxMs: 500 }),
    },
    work,
  )
}

/** How long a process waits for another one that migrates, in seconds. */
export const MIGRATION_WAIT_S = 60

/** What it throws then; not contention, of which it would try again. */
export function migrationLocked(cause?: unknown): MigrationError {
  return new MigrationError(
    `another process has been migrating for ${MIGRATION_WAIT_S} s: wait until it is done, or end it, and open again`,
    { cause },
  )
}
