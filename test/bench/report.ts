import type { EntryResult, LineResult, Target, Verdict } from './line.js'
import type { Versions } from './versions.js'

/** Everything that one call of the benchmark found. */
export interface Report {
  readonly startedAt: string
  readonly versions: Versions
  readonly lines: readonly MeasuredLine[]
}

/** A line, and how it was measured. */
export interface MeasuredLine extends LineResult {
  readonly quick: boolean
  readonly repeats: number
  /** Set where it was another than the report's. */
  readonly machine?: string
}

/** A table for a terminal. */
export function toText(report: Report): string {
  return [
    ...describeVersions(report),
    ...report.lines.flatMap((line) => ['', titleOf(line), ...rowsOf(line).map((row) => `  ${row.join('  ')}`)]),
  ].join('\n')
}

function titleOf({ title, quick, repeats, machine }: MeasuredLine): string {
  return `${title} (${quick ? 'quick, ' : ''}median of ${repeats}${machine === undefined ? '' : `, on ${machine}`})`
}

export function machineOf({ versions }: Report): string {
  return Object.values(versions.machine).join(', ')
}

/** The same as Markdown. */
export function toMarkdown(report: Report): string {
  const { lines, startedAt } = report
  const pace = 'windows of three seconds and backlogs of 100 000, where a line is called quick of one second and 20 000'
  const head = [`Measured ${startedAt.slice(0, 10)}: medians of interleaved repeats, ${pace}.`, '']
  const facts = describeVersions(report).map((fact) => `- ${fact}`)
  return [...head, ...facts, ...lines.flatMap(toSection), ''].join('\n')
}

function toSection(line: MeasuredLine): readonly string[] {
  const table = line.entries.map((entry) => `| ${entry.name} | ${show(line, entry)} |`)
  const verdicts = line.verdicts.map((verdict) => `- ${describeVerdict(line, verdict)}`)
  return ['', `### ${titleOf(line)}`, '', `| | ${line.unit} |`, '|---|---:|', ...table, '', ...verdicts]
}

function rowsOf(line: LineResult): readonly (readonly string[])[] {
  const width = Math.max(...line.entries.map(({ name }) => name.length))
  return [
    ...line.entries.map((entry) => [entry.name.padEnd(width), show(line, entry)]),
    ...line.verdicts.map((verdict) => [describeVerdict(line, verdict)]),
  ]
}

/** The line's own figure, and those beside it. */
function show(line: LineResult, { figures, error }: EntryResult): string {
  const value = figures[line.measure]
  if (value === undefined) return `failed: ${error?.split('\n')[0] ?? 'nothing measured'}`
  const others = Object.entries(figures).filter(([name]) => name !== line.measure)
  const beside = others.map(([name, figure]) => `${name} ${format(figure)}`).join(', ')
  return `${format(value)} ${line.unit}${beside === '' ? '' : ` (${beside})`}`
}

function describeVerdict(line: LineResult, { target, reached, passed }: Verdict): string {
  const { measure = line.measure, of = 'rowcast', against } = target
  const what = `${of}${measure === 'rate' ? '' : `, ${measure}`}`
  const ratio = against === undefined ? format(reached) : `${format(reached)} × ${against}`
  return `${passed ? 'reached' : 'MISSED'}: ${what}: ${ratio} (target ${describeBound(target)})`
}

function describeBound({ atLeast, atMost }: Target): string {
  return atLeast === undefined ? `≤ ${format(atMost ?? Number.NaN)}` : `≥ ${format(atLeast)}`
}

function describeVersions(report: Report): readonly string[] {
  const { servers, packages } = report.versions
  const join = (facts: Readonly<Record<string, string>>) =>
    Object.entries(facts)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')
  return [
    `Machine: ${machineOf(report)}`,
    ...Object.entries(servers).map(([name, facts]) => `${name}: ${join(facts)}`),
    `Packages: ${join(packages)}`,
  ]
}

/** Three digits that count, thousands apart. */
export function format(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value === 0) return '0'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  const rounded = Number(value.toPrecision(3))
  return rounded
    .toFixed(Math.min(digits, 3))
    .replace(/\B(?=(\d{3})+(?!\d)(?!.*\.))/g, ' ')
    .replace(/(?<=\..*)0+$/, '')
    .replace(/\.$/, '')
}
