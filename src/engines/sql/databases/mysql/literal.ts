type Value = string | number | boolean | null

/** A placeholder, or what holds a question mark that is none: a quoted name or a string. */
const PLACEHOLDER = /`(?:[^`]|``)*`|'(?:[^']|'')*'|\?/g

/**
 * A statement with its values written in. Texts are in hexadecimal, with their character set: so they mean the same under
 * every sql_mode (quotes, backslashes) and every character set of the connection.
 */
export function writeIn(text: string, values: readonly Value[]): string {
  let position = 0
  return text.replace(PLACEHOLDER, (token) => (token === '?' ? literal(values[position++] ?? null) : token))
}

function literal(value: Value): string {
  if (typeof value === 'string') return `_utf8mb4 x'${Buffer.from(value).toString('hex')}'`
  if (typeof value === 'boolean') return value ? '1' : '0'
  return String(value)
}
