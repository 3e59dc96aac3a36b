import { inspect, types } from 'node:util'

/** How many causes of causes, and how many of several errors in one, are told. */
const DEEPEST = 4
const MOST_PARTS = 5

/**
 * The text of what was thrown, for logs, dead letters and messages, as a person would want to read it: with its causes, with
 * the parts of several errors in one, and with what an object that is no error holds. One line, at most 2 000 characters.
 */
export function describe(thrown: unknown): string {
  return textOf(thrown, DEEPEST).replaceAll('\0', '').replace(/\s+/g, ' ').slice(0, 2_000).toWellFormed()
}

/** Not everything has a text: `String` throws for an object without a prototype, a getter may throw anything. */
function textOf(thrown: unknown, depth: number): string {
  try {
    if (isError(thrown)) return textOfError(thrown, depth)
    return isPlain(thrown) ? inspect(thrown, { depth: 2, breakLength: Number.POSITIVE_INFINITY }) : String(thrown)
  } catch {
    return 'what was thrown has no text'
  }
}

function textOfError(error: Error, depth: number): string {
  const { name, message, cause } = error
  const parts = textOfParts(partsOf(error), depth)
  const own = [`${name}${message === '' ? '' : `: ${message}`}`, parts].filter((text) => text !== '').join(' ')
  if (cause === undefined || depth === 0) return own
  const reason = textOf(cause, depth - 1)
  // Many errors hold the text of their cause in their own.
  const isTold = isError(cause) ? cause.message !== '' && own.includes(cause.message) : own.includes(reason)
  return isTold ? own : `${own} (cause: ${reason})`
}

/** One of another realm, as of a test runner that gives each file a world of its own, is an error, too. */
function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value)
}

/** Several in one: of an `AggregateError`, and of what `using` throws when disposing failed as well. */
function partsOf(error: Error): readonly unknown[] {
  if (error.name === 'AggregateError' && 'errors' in error && Array.isArray(error.errors)) return error.errors
  return 'suppressed' in error && 'error' in error ? [error.error, error.suppressed] : []
}

function textOfParts(errors: readonly unknown[], depth: number): string {
  if (errors.length === 0 || depth === 0) return ''
  const told = errors.slice(0, MOST_PARTS).map((part) => textOf(part, depth - 1))
  const more = errors.length - told.length
  return `[${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}]`
}

/** An object that says nothing of itself but `[object Object]`. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return !('toString' in value) || value.toString === Object.prototype.toString || Array.isArray(value)
}
