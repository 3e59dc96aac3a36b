import { PayloadError } from '../../../common/errors.js'
import { bind, type Parameters, type Statement, serializeElements } from '../statements.js'

/** What a server takes in one statement, in bytes of its values. */
export interface StatementLimits {
  /** Lists are cut into parts of at most this. */
  readonly partBytes: number
  /** A statement that cannot be cut may be as large as this. */
  readonly mostBytes: number
}

/** The values of one statement; of several where its lists have to be cut. */
export type Parts = readonly (string | number | boolean | null)[][]

/**
 * The values of a statement, cut by the bytes they will have. A list that is cut runs in parts, while the other lists that
 * may be cut are empty: no statement joins two of them.
 * @throws {PayloadError} when one element alone is larger than the server takes
 */
export function bindInParts(statement: Statement, parameters: Parameters, limits: StatementLimits | undefined): Parts {
  const whole = bind(statement, parameters)
  if (limits === undefined || !isOver(whole, limits.partBytes)) return [whole]
  const parts = statement.cuttable.flatMap((list) => cut(statement, parameters, list, limits))
  const bound = parts.length === 0 ? [whole] : parts.map((part) => bind(statement, part))
  for (const values of bound) if (isOver(values, limits.mostBytes)) throw tooLarge(values, limits)
  return bound
}

function cut(
  statement: Statement,
  parameters: Parameters,
  list: string,
  limits: StatementLimits,
): readonly Parameters[] {
  const rest = { ...parameters, ...Object.fromEntries(statement.cuttable.map((name) => [name, []])) }
  const others = bind(statement, rest)
  const room = limits.partBytes - bytesOf(others)
  if (room <= 0) throw tooLarge(others, limits)
  // The values go by position: a list that is used twice travels twice.
  const uses = statement.parameters.filter((name) => name === list).length
  return group(serializeElements(statement, parameters, list), room / uses).map((text) => ({ ...rest, [list]: text }))
}

/** JSON lists of at most `room` bytes, or of one element. */
function group(elements: readonly string[], room: number): readonly string[] {
  const groups: string[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const element of elements) {
    const size = Buffer.byteLength(element) + 1
    if (bytes + size > room) {
      groups.push([])
      bytes = 1
    }
    groups.at(-1)?.push(element)
    bytes += size
  }
  return groups.map((group) => `[${group.join(',')}]`)
}

/** No character takes more than three bytes, so that most texts need no counting. */
function isOver(values: readonly unknown[], limitBytes: number): boolean {
  let most = 0
  for (const value of values) if (typeof value === 'string') most += value.length * 3
  return most > limitBytes && bytesOf(values) > limitBytes
}

function bytesOf(values: readonly unknown[]): number {
  return values.reduce<number>((sum, value) => sum + (typeof value === 'string' ? Buffer.byteLength(value) : 8), 0)
}

function tooLarge(values: readonly unknown[], { mostBytes }: StatementLimits): PayloadError {
  return new PayloadError(
    `one event takes ${bytesOf(values)} bytes in a statement, and the server takes ${mostBytes} (max_allowed_packet): raise max_allowed_packet, or store the payload elsewhere and publish a reference`,
  )
}
