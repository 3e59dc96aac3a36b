import * as v from 'valibot'
import { ConfigurationError } from '../common/errors.js'

/** Most letters that a misspelt option may be away from the one that was meant. */
const MAX_TYPOS = 2

/**
 * What a caller gave, checked by a schema and with its defaults in place.
 * @param where how messages call it
 * @throws {ConfigurationError} naming the option, what it must be and what it is
 */
export function parse<const Schema extends v.GenericSchema>(
  where: string,
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const issue = result.issues[0]
  const option = v.getDotPath(issue)
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    throw new ConfigurationError(`${where}: unknown option ${option}: ${adviseName(option ?? '', schema)}`)
  }
  const missing = issue.type === 'strict_object' && issue.received === 'undefined'
  const fault = issue.message.startsWith('Invalid') ? `must be ${missing ? 'given' : issue.expected}` : issue.message
  const received = issue.type === 'check' && issue.received === 'Object' ? '' : `, but is ${show(issue.received)}`
  throw new ConfigurationError(`${where}: ${option ?? 'its argument'} ${fault}${received}`)
}

/** A URL among the options may hold a password. */
function show(received: string): string {
  return /:\/\/|@/.test(received) ? 'a text that may hold a password' : received.slice(0, 80)
}

function adviseName(option: string, schema: v.GenericSchema): string {
  const isNested = option.includes('.')
  const known = 'entries' in schema && !isNested ? Object.keys(schema.entries as object) : []
  const distances = known.map((name) => ({ name, typos: distance(option.toLowerCase(), name.toLowerCase()) }))
  const [nearest] = distances.sort((a, b) => a.typos - b.typos)
  if (nearest !== undefined && nearest.typos <= MAX_TYPOS) return `did you mean ${nearest.name}?`
  return known.length === 0 ? 'see the reference for the names' : `it takes ${known.join(', ')}`
}

/** Letters to change, add or drop on the way from one word to another (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...from.slice(0, 100)].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...to].entries()) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
