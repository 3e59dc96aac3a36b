import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { RunDatabases } from '../support/servers/find.js'
import { toChart } from './chart.js'
import { FULL, type Line, measure, QUICK } from './line.js'
import { burdenedLines } from './lines/burdened.js'
import { crowdLines } from './lines/crowd.js'
import { growthLines } from './lines/growth.js'
import { idleLines } from './lines/idle.js'
import { logLines } from './lines/log.js'
import { mariadbLines } from './lines/mariadb.js'
import { mysqlWakeUpLines } from './lines/mysql-wake-ups.js'
import { notifyLines } from './lines/notify.js'
import { postgresLines } from './lines/postgres.js'
import { sqliteLines } from './lines/sqlite.js'
import { type MeasuredLine, machineOf, type Report, toMarkdown, toText } from './report.js'
import { installRivals } from './rivals/rivals.js'
import { readVersions } from './versions.js'

/*
 * Measures rowcast beside the raw drivers and others: `npm run bench [-- --only NAME[,NAME…] --quick --repeats N
 * --entries PART --list --write]`. A run of everything, three times or more, writes docs/performance.md, its chart and its
 * JSON; `--write` does it with whatever was run, and leaves the other lines as they are.
 */

const LINES: readonly Line[] = [
  ...postgresLines,
  ...notifyLines,
  ...logLines,
  ...mariadbLines,
  ...mysqlWakeUpLines,
  ...sqliteLines,
  ...crowdLines,
  ...burdenedLines,
  ...growthLines,
  ...idleLines,
]
const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url))
const RESULTS = fileURLToPath(new URL('../../.tmp/', import.meta.url))

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    entries: { type: 'string' },
    repeats: { type: 'string' },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})

function chooseLines(): readonly Line[] {
  const names = flags.only?.split(',')
  const unknown = names?.filter((name) => !LINES.some((line) => line.name.startsWith(name))) ?? []
  if (unknown.length > 0) throw new Error(`no line named ${unknown.join(', ')}: see --list`)
  const isChosen = ({ name }: Line) =>
    names === undefined ||
    names.includes(name) ||
    (!LINES.some((line) => names.includes(line.name)) && names.some((part) => name.startsWith(part)))
  const part = flags.entries
  return LINES.filter(isChosen).map((line) =>
    part === undefined ? line : { ...line, entries: line.entries.filter(({ name }) => name.includes(part)) },
  )
}

async function main(): Promise<number> {
  if (flags.list) {
    for (const { name, title } of LINES) console.log(`${name.padEnd(24)} ${title}`)
    return 0
  }
  const lines = chooseLines()
  installRivals()
  await using databases = new RunDatabases()
  const postgres = await databases.open('postgres')
  const mariadb = await databases.open('mariadb')
  const mysql = process.env.ROWCAST_TEST_MYSQL_URL ? await databases.open('mysql') : undefined
  Object.assign(process.env, databases.environment)

  const pace = flags.quick ? QUICK : FULL
  const repeats = flags.repeats === undefined ? pace.repeats : Number(flags.repeats)
  const startedAt = new Date().toISOString()
  const results: MeasuredLine[] = []
  for (const line of lines) {
    results.push({ ...(await measure(line, { ...pace, repeats }, console.error)), quick: flags.quick, repeats })
  }
  const versions = await readVersions({ postgres: postgres.url, mariadb: mariadb.url, mysql: mysql?.url })
  const report: Report = { startedAt, versions, lines: results }
  console.log(toText(report))
  const isWhole = lines.length === LINES.length && repeats >= FULL.repeats && flags.entries === undefined
  save(report, 'bench.json', RESULTS)
  if (isWhole) document(report)
  else if (flags.write) document(withOtherLines(report))
  return results.some(({ entries }) => entries.some(({ error }) => error !== undefined)) ? 1 : 0
}

function save(report: Report, name: string, folder: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}${name}`, `${JSON.stringify(report, undefined, 2)}\n`)
}

/** The lines that were not run, as they were measured before. */
function withOtherLines(report: Report): Report {
  const before: Report = JSON.parse(readFileSync(`${DOCS}performance.json`, 'utf8'))
  const machine = machineOf(before)
  const others = machine === machineOf(report) ? before.lines : before.lines.map((line) => ({ machine, ...line }))
  const known = new Map([...others, ...report.lines].map((line) => [line.name, line]))
  return { ...report, lines: LINES.flatMap(({ name }) => known.get(name) ?? []) }
}

function document(report: Report): void {
  save(report, 'performance.json', DOCS)
  writeFileSync(`${DOCS}performance.svg`, toChart(report))
  const page = readFileSync(`${DOCS}performance.md`, 'utf8')
  writeFileSync(
    `${DOCS}performance.md`,
    page.replace(BETWEEN_MARKS, () => `${BEGIN}\n${toMarkdown(report)}${END}`),
  )
}

const BEGIN = '<!-- figures: written by npm run bench -->'
const END = '<!-- end of figures -->'
const BETWEEN_MARKS = new RegExp(`${BEGIN}[^]*${END}`)

process.exitCode = await main()
