import * as v from 'valibot'
import { consoleLogger, type Logger } from '../common/logger.js'
import type { Schemas } from '../common/schema.js'
import type { Metadata } from '../event.js'
import { isSchemaName, isTablePrefix } from './names.js'
import type { Gap } from './options.js'

/* What each option may be. Defaults that depend on other options are put in by `resolve.ts`. */

/** Longest time span that a timer of Node and an interval of every database can hold, in milliseconds (24 days). */
export const MAX_TIMER_MS = 2 ** 31 - 1
/** Farthest that an event may be delayed, in milliseconds: a hundred years. */
export const MAX_DELAY_MS = 100 * 365 * 86_400_000

export const ms = (max: number, min = 0) =>
  v.pipe(
    v.number(),
    v.finite('must be a finite number of milliseconds'),
    v.minValue(min, `must be at least ${min} ms`),
    v.maxValue(max, `must be at most ${max} ms`),
  )
const count = (min: number, max: number) =>
  v.pipe(
    v.number(),
    v.integer('must be a whole number'),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  )
const name = (max: number) =>
  v.pipe(
    v.string(),
    v.nonEmpty('must not be empty'),
    v.check((text) => Buffer.byteLength(text) <= max, `must be at most ${max} bytes of UTF-8`),
    v.check((text) => text.isWellFormed() && !/\p{Cc}/u.test(text), 'must hold no control character or lone surrogate'),
  )
const TABLE_PREFIX = 'must be one that a table can have: without sqlite_ or #mysql50# in front, without emoji'
const method = v.custom<() => void>((value) => typeof value === 'function', 'must be a function')
const signal = v.instance(AbortSignal, 'must be an AbortSignal')
const attempts = count(1, 1_000_000)

export const startPosition = v.union(
  [v.literal('latest'), v.literal('earliest'), count(0, Number.MAX_SAFE_INTEGER)],
  "must be 'latest', 'earliest' or a position",
)

export const channelOptions = v.strictObject({
  backend: v.optional(v.picklist(['notify', 'queue', 'log'], "must be 'notify', 'queue' or 'log'")),
  schema: v.optional(v.pipe(name(63), v.check(isSchemaName, 'must not start with pg_')), 'rowcast'),
  tablePrefix: v.optional(v.pipe(name(32), v.check(isTablePrefix, TABLE_PREFIX)), 'rowcast_'),
  leaseMs: v.optional(ms(MAX_TIMER_MS, 10), 30_000),
  maxAttempts: v.optional(attempts, 5),
  retentionMs: v.optional(ms(MAX_DELAY_MS), 86_400_000),
  pollIntervalMs: v.optional(ms(MAX_TIMER_MS, 1), 1_000),
  dropUnread: v.optional(v.boolean(), false),
  autoMigrate: v.optional(v.boolean(), true),
  maxPayloadBytes: v.optional(count(1, 2 ** 30), 2 ** 20),
  bestEffort: v.optional(v.boolean(), false),
  schemas: v.optional(
    v.record(
      v.string(),
      v.custom<Schemas[string]>(isStandardSchema, 'must follow the Standard Schema (Zod, Valibot, ArkType, …)'),
    ),
  ),
  listenUrl: v.optional(v.pipe(v.string(), v.regex(/^postgres(ql)?:\/\//, 'must be a postgres:// URL'))),
  logger: v.optional(
    v.custom<Logger>(isLogger, 'must have the methods debug, info, warn and error'),
    () => consoleLogger,
  ),
  serviceName: v.optional(name(63), 'rowcast'),
})

export const printOptions = v.object({ from: v.optional(count(0, 9_999), 0) })

export const publishOptions = v.strictObject({
  metadata: v.optional(v.custom<Metadata>(isPlainObject, 'must be a plain object')),
  delayMs: v.optional(ms(MAX_DELAY_MS)),
  availableAt: v.optional(
    v.pipe(v.date('must be a valid Date'), v.check(isStorableDate, 'must lie within 1970 and 9999')),
  ),
  priority: v.optional(count(1, 9)),
  key: v.optional(v.string()),
  maxAttempts: v.optional(attempts),
  tx: v.optional(v.unknown()),
})

export const publishManyOptions = v.strictObject({ tx: v.optional(v.unknown()) })

const waitOptions = {
  prefetch: v.optional(v.union([v.literal('auto'), count(1, 100_000)], "must be 'auto' or a number from 1 to 100 000")),
  pollIntervalMs: v.optional(ms(MAX_TIMER_MS, 1)),
  leaseMs: v.optional(ms(MAX_TIMER_MS, 10)),
  autoAck: v.optional(v.boolean()),
  signal: v.optional(signal),
  bufferSize: v.optional(count(1, 10_000_000), 10_000),
  from: v.optional(startPosition),
  group: v.optional(v.string()),
  onGap: v.optional(v.custom<(gap: Gap) => void>((value) => typeof value === 'function', 'must be a function')),
}
export const subscribeOptions = v.strictObject(waitOptions)
export const listenOptions = v.strictObject({
  ...waitOptions,
  concurrency: v.optional(count(1, 100_000), 1),
  maxAttempts: v.optional(attempts),
  backoff: v.optional(
    v.union(
      [
        v.pipe(
          v.strictObject({
            minMs: v.optional(ms(MAX_DELAY_MS)),
            maxMs: v.optional(ms(MAX_DELAY_MS)),
            factor: v.optional(v.pipe(v.number(), v.finite(), v.minValue(1, 'must be at least 1'))),
            jitter: v.optional(v.boolean()),
          }),
          v.check(({ minMs = 0, maxMs = Infinity }) => minMs <= maxMs, 'has a minMs over its maxMs'),
        ),
        method,
      ],
      'must be { minMs, maxMs, factor, jitter } or a function of the attempt',
    ),
  ),
  rateLimit: v.optional(v.strictObject({ max: count(1, 1_000_000_000), perMs: ms(MAX_TIMER_MS, 1) })),
})
export const closeOptions = v.strictObject({ drainMs: v.optional(ms(MAX_TIMER_MS), 5_000) })
export const stopOptions = v.strictObject({ drainMs: v.optional(ms(MAX_TIMER_MS), 30_000) })
export const nackOptions = v.strictObject({ delayMs: v.optional(ms(MAX_DELAY_MS), 0), error: v.optional(v.unknown()) })
export const pageOptions = v.strictObject({
  channel: v.optional(v.string()),
  limit: v.optional(count(1, 10_000), 100),
  after: v.optional(v.pipe(v.string(), v.uuid('must be the id of an event'))),
})
export const groupFilter = v.strictObject({ channel: v.optional(v.string()), group: v.optional(v.string()) })
export const discardOptions = v.strictObject({ reason: v.pipe(v.string(), v.nonEmpty('must say why')) })

function isLogger(value: unknown): boolean {
  const methods = ['debug', 'info', 'warn', 'error']
  return isObject(value) && methods.every((name) => typeof value[name] === 'function')
}

function isStandardSchema(value: unknown): boolean {
  const holder = typeof value === 'function' || isObject(value) ? (value as Record<string, unknown>) : undefined
  const standard = holder?.['~standard']
  return isObject(standard) && typeof standard.validate === 'function'
}

/** A Map, a Date or an object of a class would lose something, or all, on its way through JSON. */
function isPlainObject(value: unknown): boolean {
  if (!isObject(value) || 'toJSON' in value) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isStorableDate(date: Date): boolean {
  return date.getTime() >= 0 && date.getUTCFullYear() <= 9_999
}
