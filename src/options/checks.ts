import * as v from 'valibot'
import type { Logger } from '../common/logger.js'
import type { Schemas, StandardSchema } from '../common/schema.js'
import { isSchemaName, isTablePrefix } from './names.js'

/* What options are made of: checks that more than one of them needs, or that say more than a line. */

/** What a value must be to be taken for a `T`. */
export type Check<T> = v.GenericSchema<T>

/** Options by name: what each must be, and its default. */
export type Options = Readonly<Record<string, v.GenericSchema>>

/** What a caller may give; `undefined` counts as not given. */
export type Given<O extends Options> = Readonly<v.InferInput<v.StrictObjectSchema<O, undefined>>>

/** What was given, with every default in place. */
export type Taken<O extends Options> = Readonly<v.InferOutput<v.StrictObjectSchema<O, undefined>>>

/** Longest time span that a timer of Node and an interval of every database can hold, in milliseconds (24 days). */
export const MAX_TIMER_MS = 2 ** 31 - 1
/** Farthest that an event may be delayed, in milliseconds: a hundred years. */
export const MAX_DELAY_MS = 100 * 365 * 86_400_000

export const ms = (min: number, max = MAX_TIMER_MS): Check<number> =>
  v.pipe(
    v.number(),
    v.finite('must be a finite number of milliseconds'),
    v.minValue(min, `must be at least ${min} ms`),
    v.maxValue(max, `must be at most ${max} ms`),
  )

/** How long an event may wait, in milliseconds. */
export const delayMs = ms(0, MAX_DELAY_MS)

export const count = (min: number, max: number): Check<number> =>
  v.pipe(
    v.number(),
    v.integer('must be a whole number'),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  )

export const factor: Check<number> = v.pipe(v.number(), v.finite(), v.minValue(1, 'must be at least 1'))

/** The name of a channel, a group or a key: `checkName` looks at the rest, and quotes it. */
export const name: Check<string> = v.string()

export const text = (maxBytes: number): Check<string> =>
  v.pipe(
    v.string(),
    v.nonEmpty('must not be empty'),
    v.check((given) => Buffer.byteLength(given) <= maxBytes, `must be at most ${maxBytes} bytes of UTF-8`),
    v.check(
      (given) => given.isWellFormed() && !/\p{Cc}/u.test(given),
      'must hold no control character or lone surrogate',
    ),
  )

export const schemaName: Check<string> = v.pipe(text(63), v.check(isSchemaName, 'must not start with pg_'))

export const tablePrefix: Check<string> = v.pipe(
  text(32),
  v.check(isTablePrefix, 'must be one that a table can have: without sqlite_ or #mysql50# in front, without emoji'),
)

export const postgresUrl: Check<string> = v.pipe(
  v.string(),
  v.regex(/^postgres(ql)?:\/\//, 'must be a postgres:// URL'),
)

export const eventId: Check<string> = v.pipe(v.string(), v.uuid('must be the id of an event'))

export const reason: Check<string> = v.pipe(v.string(), v.nonEmpty('must say why'))

/** A time that every database can store. */
export const date: Check<Date> = v.pipe(
  v.date('must be a valid Date'),
  v.check((given) => given.getTime() >= 0 && given.getUTCFullYear() <= 9_999, 'must lie within 1970 and 9999'),
)

const such = <T>(is: (value: unknown) => boolean, message: string): Check<T> => v.custom<T>(is, message)

export const method = <F>(): Check<F> => such<F>((given) => typeof given === 'function', 'must be a function')

export const signal: Check<AbortSignal> = v.instance(AbortSignal, 'must be an AbortSignal')

export const oneOf = <const Values extends readonly [string, ...string[]]>(
  ...values: Values
): Check<Values[number]> => {
  const [last, ...others] = values.map((value) => `'${value}'`).reverse()
  return v.picklist(values, `must be ${others.reverse().join(', ')} or ${last}`)
}

export const startPosition = v.union(
  [v.literal('latest'), v.literal('earliest'), count(0, Number.MAX_SAFE_INTEGER)],
  "must be 'latest', 'earliest' or a position",
)

export const logger = such<Logger>(
  (given) => isObject(given) && ['debug', 'info', 'warn', 'error'].every((level) => typeof given[level] === 'function'),
  'must have the methods debug, info, warn and error',
)

export const schemas: Check<Schemas> = v.record(
  v.string(),
  such<StandardSchema>((given) => {
    const holder = typeof given === 'function' || isObject(given) ? (given as Record<string, unknown>) : undefined
    const standard = holder?.['~standard']
    return isObject(standard) && typeof standard.validate === 'function'
  }, 'must follow the Standard Schema (Zod, Valibot, ArkType, …)'),
)

/** A Map, a Date or an object of a class would lose something, or all, on its way through JSON. */
export const plainObject = such<Readonly<Record<string, unknown>>>((given) => {
  if (!isObject(given) || 'toJSON' in given) return false
  const prototype: unknown = Object.getPrototypeOf(given)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}, 'must be a plain object')

/** The same options without their defaults: checks what was given, and nothing else. */
export function withoutDefaults<O extends Record<string, v.OptionalSchema<v.GenericSchema, unknown>>>(options: O) {
  const bare = Object.entries(options).map(([option, { wrapped }]) => [option, v.optional(wrapped)])
  return Object.fromEntries(bare) as { [K in keyof O]: v.OptionalSchema<O[K]['wrapped'], undefined> }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
