/*
 * The SQL of one dialect as it is compiled in: what sql/read-sources.ts makes of the files in sql/. sql/README.md says how
 * those are written.
 */

export interface Sources {
  readonly verbs: readonly Verb[]
  readonly migrations: readonly Migration[]
}

/** One thing that is asked of the database: one statement, or several in one transaction. */
export interface Verb {
  /** The file it comes from, without `.sql`: `queue/claim`. */
  readonly name: string
  /** The steps whose rows are the answer. */
  readonly returns: readonly string[]
  readonly steps: readonly Step[]
}

/** One statement of a verb. Its rows are a list parameter of the steps after it, under its name. */
export interface Step {
  readonly name: string
  /** Left out where one of these lists is empty; a list of its own name that the caller gives takes the place of its rows then. */
  readonly unless: readonly string[]
  /** Left out where one of these parameters is 0 or false. */
  readonly when: readonly string[]
  /** The list whose elements it takes one at a time. */
  readonly each: string | null
  /** It is to change as many rows as this list has elements; where it does not, all is undone. */
  readonly changes: string | null
  /** Without comments. */
  readonly text: string
}

/** One step of the schema. */
export interface Migration {
  readonly version: number
  readonly name: string
  /** The oldest schema version whose rowcast still works on tables that this migration was applied to. */
  readonly compatibleFrom: number
  readonly text: string
}
