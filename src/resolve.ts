import { hostname } from 'node:os'
import * as v from 'valibot'
import { ConfigurationError } from './errors.js'
import type { Delay, Metadata } from './event.js'
import { consoleLogger, type Logger } from './logger.js'
import { checkName, isSchemaName, isTablePrefix } from './names.js'
import { parse } from './option-parser.js'
import type { BackendName, ChannelOptions, CloseOptions, Gap, ListenOptions, StartPosition } from './options.js'
import type { Schemas } from './schema.js'
import { backoffMs } from './wait.js'

/** Longest time span that a timer of Node and an interval of every database can hold, in milliseconds (24 days). */
const MAX_TIMER_MS = 2 ** 31 - 1
/** Farthest that an event may be delayed, in milliseconds: a hundred years. */
const MAX_DELAY_MS = 100 * 365 * 86_400_000

const ms = (max: number, min = 0) =>
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

const startPosition = v.union(
  [v.literal('latest'), v.literal('earliest'), count(0, Number.MAX_SAFE_INTEGER)],
  "must be 'latest', 'earliest' or a position",
)

const channelOptions = v.strictObject({
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

const publishOptions = v.strictObject({
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

const publishManyOptions = v.strictObject({ tx: v.optional(v.unknown()) })

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
const subscribeOptions = v.strictObject(waitOptions)
const listenOptions = v.strictObject({
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
const closeOptions = v.strictObject({ drainMs: v.optional(ms(MAX_TIMER_MS), 5_000) })
const nackOptions = v.strictObject({ delayMs: v.optional(ms(MAX_DELAY_MS), 0), error: v.optional(v.unknown()) })
const pageOptions = v.strictObject({
  channel: v.optional(v.string()),
  limit: v.optional(count(1, 10_000), 100),
  after: v.optional(v.pipe(v.string(), v.uuid('must be the id of an event'))),
})
const groupFilter = v.strictObject({ channel: v.optional(v.string()), group: v.optional(v.string()) })
const discardOptions = v.strictObject({ reason: v.pipe(v.string(), v.nonEmpty('must say why')) })

/** Channel options with every default in place, and who this process is. */
export interface ResolvedChannelOptions extends Required<Omit<ChannelOptions, 'backend' | 'schemas' | 'listenUrl'>> {
  readonly backend: BackendName | undefined
  readonly schemas: Schemas | undefined
  readonly listenUrl: string | undefined
  /** `serviceName`, host and process, as history records them. */
  readonly consumer: string
}

export function resolveChannelOptions(options: unknown, where = 'EventChannel.open'): ResolvedChannelOptions {
  const { backend, schemas, listenUrl, ...rest } = parse(where, channelOptions, options)
  const consumer = `${rest.serviceName}@${hostname()}:${process.pid}`
  return { ...rest, backend, schemas, listenUrl, consumer }
}

/** Publish options as the backend wants them. */
export interface ResolvedPublishOptions {
  readonly metadata: Metadata | undefined
  readonly delay: Delay | null
  readonly priority: number
  readonly key: string | null
  readonly maxAttempts: number
  readonly tx: unknown
  /** Which options were given that only a backend that schedules can honour. */
  readonly scheduling: readonly string[]
}

export function resolvePublishOptions(defaults: ResolvedChannelOptions, options: unknown): ResolvedPublishOptions {
  // Most calls give none, and checking nothing costs as much as making the id.
  if (options === undefined) {
    const { maxAttempts } = defaults
    return { metadata: undefined, delay: null, priority: 5, key: null, maxAttempts, tx: undefined, scheduling: [] }
  }
  const given = parse('publish', publishOptions, options)
  const { metadata, delayMs, availableAt, priority = 5, key = null, maxAttempts = defaults.maxAttempts, tx } = given
  if (delayMs !== undefined && availableAt !== undefined) {
    throw new ConfigurationError('publish: delayMs and availableAt exclude each other: give one of them')
  }
  if (key !== null) checkName('key', key)
  const scheduling = SCHEDULING_OPTIONS.filter((name) => given[name] !== undefined)
  return { metadata, delay: toDelay(delayMs, availableAt), priority, key, maxAttempts, tx, scheduling }
}

export function resolvePublishManyOptions(options: unknown = {}): { readonly tx?: unknown } {
  return parse('publishMany', publishManyOptions, options)
}

const SCHEDULING_OPTIONS = ['delayMs', 'availableAt', 'priority', 'key', 'maxAttempts'] as const

function toDelay(delayMs: number | undefined, availableAt: Date | undefined): Delay | null {
  if (availableAt !== undefined) return { delayMs: null, availableAtMs: availableAt.getTime() }
  return delayMs === undefined || delayMs === 0 ? null : { delayMs, availableAtMs: null }
}

/** Subscribe options with every default in place. */
export interface ResolvedSubscribeOptions {
  readonly prefetch: number | 'auto'
  readonly pollIntervalMs: number
  readonly leaseMs: number
  readonly autoAck: boolean
  readonly signal: AbortSignal | undefined
  readonly bufferSize: number
  readonly from: StartPosition
  readonly group: string | undefined
  /** Which options were given that only a backend with positions can honour. */
  readonly positioning: readonly string[]
  readonly onGap: ((gap: Gap) => void) | undefined
}

export function resolveSubscribeOptions(
  defaults: ResolvedChannelOptions,
  options: unknown = {},
): ResolvedSubscribeOptions {
  return completeSubscribeOptions(defaults, parse('subscribe', subscribeOptions, options))
}

/** Listen options with every default in place. */
export interface ResolvedListenOptions extends ResolvedSubscribeOptions {
  readonly concurrency: number
  readonly maxAttempts: number
  readonly backoff: (attempt: number) => number
  readonly rateLimit: { readonly max: number; readonly perMs: number } | undefined
}

export function resolveListenOptions(defaults: ResolvedChannelOptions, options: unknown = {}): ResolvedListenOptions {
  const given = parse('listen', listenOptions, options)
  return {
    ...completeSubscribeOptions(defaults, given),
    autoAck: given.autoAck ?? true,
    concurrency: given.concurrency,
    maxAttempts: given.maxAttempts ?? Number.POSITIVE_INFINITY,
    backoff: resolveBackoff(given.backoff as ListenOptions['backoff']),
    rateLimit: given.rateLimit,
  }
}

export function resolveCloseOptions(options: unknown = {}): Required<CloseOptions> {
  return parse('close', closeOptions, options)
}

export function resolveNackOptions(options: unknown = {}): { delayMs: number; error?: unknown } {
  return parse('nack', nackOptions, options)
}

export function resolveExtension(leaseMs: unknown): number {
  return parse('extend', ms(MAX_TIMER_MS, 1), leaseMs)
}

export function resolvePage(options: unknown = {}): {
  channel?: string | undefined
  limit: number
  after?: string | undefined
} {
  return parse('deadLetters', pageOptions, options)
}

export function resolveStartPosition(where: string, position: unknown): StartPosition {
  return parse(where, startPosition, position)
}

export function resolveGroupFilter(options: unknown = {}): {
  channel?: string | undefined
  group?: string | undefined
} {
  return parse('groups', groupFilter, options)
}

export function resolveDiscard(options: unknown): { reason: string } {
  return parse('deadLetters.discard', discardOptions, options)
}

function completeSubscribeOptions(
  defaults: ResolvedChannelOptions,
  given: v.InferOutput<typeof subscribeOptions>,
): ResolvedSubscribeOptions {
  if (given.group !== undefined) checkName('group', given.group)
  return {
    prefetch: given.prefetch ?? 'auto',
    pollIntervalMs: given.pollIntervalMs ?? defaults.pollIntervalMs,
    leaseMs: given.leaseMs ?? defaults.leaseMs,
    autoAck: given.autoAck ?? false,
    signal: given.signal,
    bufferSize: given.bufferSize,
    from: given.from ?? 'latest',
    group: given.group,
    positioning: (['from', 'group'] as const).filter((name) => given[name] !== undefined),
    onGap: given.onGap,
  }
}

/** A user's own function may answer anything; what is no delay becomes the default one. */
function resolveBackoff(backoff: ListenOptions['backoff']): (attempt: number) => number {
  if (typeof backoff !== 'function') return (attempt) => backoffMs(attempt, backoff)
  return (attempt) => {
    const delayMs = backoff(attempt)
    return Number.isFinite(delayMs) && delayMs >= 0 ? Math.min(delayMs, MAX_DELAY_MS) : backoffMs(attempt)
  }
}

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
