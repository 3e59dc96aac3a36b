import { readFileSync } from 'node:fs'

const PAGE = readFileSync(new URL('../../docs/reference.md', import.meta.url), 'utf8')
/** Longest text of two bounds. */
const SENTENCE = 30
const YEAR_MS = 365 * 86_400_000

/** What an option may be at its edges, and what is just beyond them, as the reference states it. */
export interface Bounds {
  readonly option: string
  readonly within: readonly unknown[]
  readonly beyond: readonly unknown[]
}

/** The bounds in the table of options whose first column has that name. */
export function readTable(title: string): readonly Bounds[] {
  const start = PAGE.indexOf(`| ${title} `)
  if (start < 0) throw new Error(`the reference has no table of ${title}s`)
  const [table = ''] = PAGE.slice(start).match(/\|[\s\S]*?\n(?!\|)/) ?? []
  return [...table.matchAll(/^\| `(\w+)`\s*\| (.*?) \|/gm)].flatMap(([, option = '', type = '']) => {
    return readBounds(option, type) ?? []
  })
}

/** The bounds that the reference states in a sentence: after the text, as `0 to 100 years`. */
export function readSentence(option: string, before: string): Bounds {
  const start = PAGE.indexOf(before)
  const bounds =
    start < 0
      ? undefined
      : readBounds(option, `number, ${PAGE.slice(start + before.length, start + before.length + SENTENCE)}`)
  if (bounds === undefined) throw new Error(`the reference states no bounds after ${before}`)
  return bounds
}

function readBounds(option: string, type: string): Bounds | undefined {
  const [, whole, low = '', high = ''] =
    /(whole )?number(?:,| from) ([\d ]*\d) to (100 years|2³⁰|[\d ]*\d)/.exec(type) ??
    /()number, at least (\d+)()/.exec(type) ??
    []
  const [, fewest, most] = /\b(\d+) to (\d+) bytes/.exec(type) ?? []
  if (fewest !== undefined && most !== undefined) {
    const sizes = [Number(fewest), Number(most)] as const
    return { option, within: sizes.map(textOf), beyond: [textOf(sizes[0] - 1), textOf(sizes[1] + 1)] }
  }
  if (low === '') return undefined
  const step = whole === undefined ? 0.001 : 1
  const [lowest, highest] = [numberOf(low), high === '' ? [] : [numberOf(high)]]
  return { option, within: [lowest, ...highest], beyond: [lowest - step, ...highest.map((value) => value + 1)] }
}

function numberOf(text: string): number {
  if (text === '100 years') return 100 * YEAR_MS
  if (text === '2³⁰') return 2 ** 30
  return Number(text.replaceAll(' ', ''))
}

/** A text of this number of bytes, most of them in characters of two. */
function textOf(bytes: number): string {
  return `${'ü'.repeat(bytes >> 1)}${bytes % 2 === 0 ? '' : 'x'}`
}
