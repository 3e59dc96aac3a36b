import type { Prepared } from '../execute.js'

/** Those that hold every text: SQL_ASCII stores bytes as they come. */
const FULL = new Set(['UTF8', 'SQL_ASCII'])
/** Parameters of JSON text, and of text that people read. */
const TEXTS = new Set(['payload', 'payloads', 'metadata', 'error', 'reason'])
/** Lists with such texts in their elements. */
const LISTS = new Set(['details', 'events', 'deliveries'])

export function holdsEveryText(encoding: unknown): boolean {
  return FULL.has(String(encoding))
}

/**
 * The values of a statement for a database whose encoding does not hold every text: in payloads and metadata what is not
 * ASCII is escaped, which JSON takes for the same; the texts of errors show the escapes. Names and keys stay as they are,
 * since they are compared: the server refuses those that it cannot hold.
 */
export function escapeTexts({ statement, values }: Prepared): Prepared['values'] {
  return values.map((value, index) => {
    const name = statement.parameters[index] ?? ''
    if (typeof value !== 'string') return value
    if (TEXTS.has(name)) return escapeText(value)
    return LISTS.has(name) ? escapeFields(value) : value
  })
}

function escapeFields(list: string): string {
  return JSON.stringify(JSON.parse(list), (name, value) =>
    typeof value === 'string' && TEXTS.has(name) ? escapeText(value) : value,
  )
}

function escapeText(text: string): string {
  return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
