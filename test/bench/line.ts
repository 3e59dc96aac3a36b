/** What one run of an entry measured, by name. */
export type Figures = Readonly<Record<string, number>>

/** Who takes part in a line, and what it does there. */
export interface Entry {
  /** As tables call it; the one under test is `rowcast`. */
  readonly name: string
  run(pace: Pace): Promise<Figures>
}

/** What is to be reached: a figure of rowcast's, as a ratio of another's or by itself. */
export interface Target {
  /** @default the line's own measure */
  readonly measure?: string
  /** @default 'rowcast' */
  readonly of?: string
  /** Another entry; absent: the figure itself is bounded. */
  readonly against?: string
  readonly atLeast?: number
  readonly atMost?: number
}

/** One row of work of the table, for all who do it. */
export interface Line {
  readonly name: string
  readonly title: string
  /** The figure that tables and charts show, and its unit. */
  readonly measure: string
  readonly unit: string
  readonly entries: readonly Entry[]
  readonly targets: readonly Target[]
}

/** How long to measure. */
export interface Pace {
  readonly quick: boolean
  readonly repeats: number
  /** Length of a measurement by time, in milliseconds. */
  readonly windowMs: number
  /** Events of a backlog. */
  readonly backlog: number
}

export const FULL: Pace = { quick: false, repeats: 3, windowMs: 3_000, backlog: 100_000 }
export const QUICK: Pace = { quick: true, repeats: 1, windowMs: 1_000, backlog: 20_000 }

export interface EntryResult {
  readonly name: string
  /** The median of each figure. */
  readonly figures: Figures
  /** Every repeat, in order. */
  readonly repeats: readonly Figures[]
  /** Why there is none. */
  readonly error?: string
}

export interface Verdict {
  readonly target: Target
  /** What was reached; NaN where nothing was measured. */
  readonly reached: number
  readonly passed: boolean
}

export interface LineResult {
  readonly name: string
  readonly title: string
  readonly measure: string
  readonly unit: string
  readonly entries: readonly EntryResult[]
  readonly verdicts: readonly Verdict[]
}

/** Measures a line: all entries once, then all again, so that a change of the machine's mood meets all of them. */
export async function measure(line: Line, pace: Pace, log: (text: string) => void): Promise<LineResult> {
  const repeats = new Map<string, Figures[]>(line.entries.map(({ name }) => [name, []]))
  const errors = new Map<string, string>()
  for (let repeat = 1; repeat <= pace.repeats; repeat++) {
    for (const entry of line.entries) {
      if (errors.has(entry.name)) continue
      try {
        const figures = await entry.run(pace)
        repeats.get(entry.name)?.push(figures)
        log(`${line.name} ${repeat}/${pace.repeats} ${entry.name}: ${JSON.stringify(round(figures))}`)
      } catch (error) {
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
        errors.set(entry.name, reason)
        log(`${line.name} ${repeat}/${pace.repeats} ${entry.name} failed: ${reason}`)
      }
    }
  }
  const entries = line.entries.map(({ name }): EntryResult => {
    const measured = repeats.get(name) ?? []
    const error = errors.get(name)
    return { name, figures: medians(measured), repeats: measured, ...(error !== undefined && { error }) }
  })
  const { name, title, measure, unit } = line
  return { name, title, measure, unit, entries, verdicts: line.targets.map((target) => judge(target, line, entries)) }
}

function judge(target: Target, line: Line, entries: readonly EntryResult[]): Verdict {
  const { measure = line.measure, of = 'rowcast', against, atLeast, atMost } = target
  const figure = (name: string) => entries.find((entry) => entry.name === name)?.figures[measure] ?? Number.NaN
  const reached = against === undefined ? figure(of) : figure(of) / figure(against)
  const passed = reached >= (atLeast ?? Number.NEGATIVE_INFINITY) && reached <= (atMost ?? Number.POSITIVE_INFINITY)
  return { target, reached, passed }
}

function medians(repeats: readonly Figures[]): Figures {
  const names = Object.keys(repeats[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(repeats.map((figures) => figures[name] ?? Number.NaN))]))
}

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

/** The value below which so many of a hundred lie, between the two nearest. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = ((sorted.length - 1) * percent) / 100
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

function round(figures: Figures): Figures {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(4))]))
}
