import { ConfigurationError } from '../common/errors.js'

/** Longest channel name, dedupe key or group name, in bytes of UTF-8: what fits an index on every database. */
export const MAX_NAME_BYTES = 255

const CONTROL = /\p{Cc}/u
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const CHANNEL_NAMES = new Set<string>()

/**
 * Checks a name that is stored and compared: 1 to 255 bytes of UTF-8, no control characters, no white space at either
 * end (MySQL's collations would fold it). Quotes, semicolons and every script are fine: names only travel as parameters.
 * @throws {ConfigurationError} naming the rule that was broken
 */
export function checkName(kind: string, name: unknown): asserts name is string {
  const fault = findFault(name)
  if (fault !== undefined) throw new ConfigurationError(`${kind} ${quote(name)} ${fault}`)
}

/** `checkName` for channels, which come by the million: one that passed is remembered. */
export function checkChannelName(name: unknown): asserts name is string {
  if (CHANNEL_NAMES.has(name as string)) return
  checkName('channel', name)
  if (CHANNEL_NAMES.size < 10_000) CHANNEL_NAMES.add(name)
}

/** Checks one channel name or several, and returns them as a list without repeats. */
export function resolveChannels(channels: string | readonly string[]): readonly string[] {
  const names = Array.isArray(channels) ? channels : [channels]
  if (names.length === 0) throw new ConfigurationError('channels is empty: name at least one channel')
  for (const name of names) checkChannelName(name)
  return [...new Set<string>(names)]
}

/** Whether a value could be the id of an event: the canonical, lowercase form of a UUID. */
export function isEventId(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value)
}

/** Postgres keeps names that start with pg_ for itself. */
export function isSchemaName(name: string): boolean {
  return !name.startsWith('pg_')
}

/** SQLite keeps names that start with sqlite_ for itself; MySQL's tables have none of the characters beyond U+FFFF. */
export function isTablePrefix(prefix: string): boolean {
  return !/^(sqlite_|#mysql50#)|[\u{10000}-\u{10ffff}]/iu.test(prefix)
}

function findFault(name: unknown): string | undefined {
  if (typeof name !== 'string') return 'is not a string: pass its name'
  if (name === '') return 'is empty: give it a name'
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `is longer than ${MAX_NAME_BYTES} bytes of UTF-8: shorten it`
  if (!name.isWellFormed()) return 'holds a lone surrogate: use well-formed Unicode'
  if (CONTROL.test(name)) return 'holds a control character: remove it'
  if (name.trim() !== name) return 'starts or ends with white space: trim it'
  return undefined
}

function quote(name: unknown): string {
  if (typeof name !== 'string') return `(${typeof name})`
  return JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name)
}
