import type { Judgement } from '../support/history/index.js'

interface Line {
  readonly fault: string
  readonly setting: string
  readonly database: string
  runs: number
  events: number
  lost: number
  wronglyRedelivered: number
  longestStallS: number
}

const HEADER = ['fault', 'setting', 'database', 'runs', 'events', 'lost', 'wrongly redelivered', 'longest stall, s']

/** What rounds came to, by fault, setting and database; as text, a table in Markdown. */
export class Table {
  readonly #lines = new Map<string, Line>()

  add(
    fault: string,
    setting: string,
    database: string,
    { events, lost, wronglyRedelivered, longestStallS }: Judgement,
  ): void {
    const key = `${fault} ${setting} ${database}`
    const line = this.#lines.get(key) ?? {
      fault,
      setting,
      database,
      runs: 0,
      events: 0,
      lost: 0,
      wronglyRedelivered: 0,
      longestStallS: 0,
    }
    this.#lines.set(key, line)
    line.runs++
    line.events += events
    line.lost += lost
    line.wronglyRedelivered += wronglyRedelivered
    line.longestStallS = Math.max(line.longestStallS, longestStallS)
  }

  toString(): string {
    const lines = [...this.#lines.values()].sort((a, b) => a.fault.localeCompare(b.fault))
    const cells = lines.map(({ longestStallS, ...line }) => [
      ...Object.values(line).map(String),
      longestStallS.toFixed(1),
    ])
    const rule = HEADER.map((title) => '-'.repeat(title.length))
    return [HEADER, rule, ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n')
  }
}
