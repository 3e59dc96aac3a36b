import { hostname } from 'node:os'
import * as v from 'valibot'
import { ConfigurationError } from '../common/errors.js'
import { guarded } from '../common/logger.js'
import { backoffMs } from '../common/retry.js'
import { type Given, MAX_DELAY_MS, ms, type Options, startPosition, type Taken, withoutDefaults } from './checks.js'
import { checkName } from './names.js'
import {
  channelOptions,
  closeOptions,
  consumeOptions,
  discardOptions,
  groupOptions,
  type ListenOptions,
  listenOptions,
  nackOptions,
  pageOptions,
  positionOptions,
  printOptions,
  publishOptions,
  type StartPosition,
  schedulingOptions,
  stopOptions,
  subscribeOptions,
  transactionOptions,
} from './options.js'
import { parse } from './parser.js'

/** Channel options with every default in place, and who this process is. */
export interface ResolvedChannelOptions extends Taken<typeof channelOptions> {
  /** `serviceName`, host and process, as history records them. */
  readonly consumer: string
  /** What a publish without options means. */
  readonly plain: ResolvedPublishOptions
}

const CHANNEL = v.strictObject(channelOptions)

export function resolveChannelOptions(options: unknown): ResolvedChannelOptions {
  const given = parse('EventChannel.open', CHANNEL, options)
  const consumer = `${given.serviceName}@${hostname()}:${process.pid}`
  const { delayMs, priority, maxAttempts } = v.getDefaults(v.strictObject(schedulingOptions(given)))
  const plain = {
    metadata: undefined,
    delay: toDelay(delayMs, undefined),
    priority,
    key: null,
    maxAttempts,
    tx: undefined,
    scheduling: [],
  }
  return { ...given, logger: guarded(given.logger), consumer, plain }
}

export const resolvePrintOptions = resolver('migrationSql', { ...channelOptions, ...printOptions })

/** When an event becomes due: after a while, or at a time (epoch milliseconds), both by the database's clock. */
export type Delay =
  | { readonly delayMs: number; readonly availableAtMs: null }
  | { readonly delayMs: null; readonly availableAtMs: number }

/** Publish options as the backend wants them. */
export interface ResolvedPublishOptions {
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly delay: Delay | null
  readonly priority: number
  readonly key: string | null
  readonly maxAttempts: number
  readonly tx: unknown
  /** Which options were given that only a backend that schedules can honour. */
  readonly scheduling: readonly SchedulingOption[]
}

export type SchedulingOption = keyof ReturnType<typeof schedulingOptions>

const SCHEDULING = schedulingOptions(v.getDefaults(CHANNEL))
const SCHEDULING_OPTIONS = Object.keys(SCHEDULING) as SchedulingOption[]
/** Checking a default costs as much as checking what was given, and a publish has neither time to spare. */
const PUBLISH = v.strictObject(withoutDefaults({ ...publishOptions, ...SCHEDULING, ...transactionOptions }))

export function resolvePublishOptions({ plain }: ResolvedChannelOptions, options: unknown): ResolvedPublishOptions {
  // Most calls give none, and checking nothing costs as much as making the id.
  if (options === undefined) return plain
  const given = parse('publish', PUBLISH, options)
  const {
    metadata,
    delayMs,
    availableAt,
    priority = plain.priority,
    key = plain.key,
    maxAttempts = plain.maxAttempts,
    tx,
  } = given
  if (delayMs !== undefined && availableAt !== undefined) {
    throw new ConfigurationError('publish: delayMs and availableAt exclude each other: give one of them')
  }
  if (key !== null) checkName('key', key)
  const scheduling = SCHEDULING_OPTIONS.filter((name) => given[name] !== undefined)
  return { metadata, delay: toDelay(delayMs, availableAt), priority, key, maxAttempts, tx, scheduling }
}

function toDelay(delayMs: number | undefined, availableAt: Date | undefined): Delay | null {
  if (availableAt !== undefined) return { delayMs: null, availableAtMs: availableAt.getTime() }
  return delayMs === undefined || delayMs === 0 ? null : { delayMs, availableAtMs: null }
}

/** Subscribe options with every default in place. */
export interface ResolvedSubscribeOptions
  extends Taken<ReturnType<typeof consumeOptions>>,
    Taken<typeof positionOptions>,
    Taken<typeof subscribeOptions> {
  /** Which options were given that only a backend with positions can honour. */
  readonly positioning: readonly string[]
}

export function resolveSubscribeOptions(
  channel: ResolvedChannelOptions,
  options: unknown = {},
): ResolvedSubscribeOptions {
  const all = v.strictObject({ ...consumeOptions(channel), ...positionOptions, ...subscribeOptions })
  const taken = parse('subscribe', all, options)
  return { ...taken, positioning: positioningOf(options as Given<typeof positionOptions>) }
}

/** Listen options with every default in place. */
export interface ResolvedListenOptions
  extends ResolvedSubscribeOptions,
    Omit<Taken<typeof listenOptions>, 'maxAttempts' | 'backoff'> {
  readonly maxAttempts: number
  readonly backoff: (attempt: number) => number
}

export function resolveListenOptions(channel: ResolvedChannelOptions, options: unknown = {}): ResolvedListenOptions {
  const all = v.strictObject({ ...consumeOptions(channel), ...positionOptions, ...listenOptions })
  const { maxAttempts = Number.POSITIVE_INFINITY, backoff, ...taken } = parse('listen', all, options)
  const positioning = positioningOf(options as Given<typeof positionOptions>)
  return { ...taken, maxAttempts, backoff: resolveBackoff(backoff), positioning }
}

export const resolvePublishManyOptions = resolver('publishMany', transactionOptions)
export const resolveCloseOptions = resolver('close', closeOptions)
export const resolveStopOptions = resolver('stop', stopOptions)
export const resolveNackOptions = resolver('nack', nackOptions)

/** Which dead letters to list, with every default in place. */
export interface ResolvedPage extends Taken<typeof pageOptions> {}

export const resolvePage = resolver('deadLetters', pageOptions)
export const resolveGroupFilter = resolver('groups', groupOptions)
export const resolveDiscard = resolver('deadLetters.discard', discardOptions)

/** The argument of `extend`, in milliseconds. */
export function resolveExtension(leaseMs: unknown): number {
  return parse('extend', ms(1), leaseMs)
}

export function resolveStartPosition(where: string, position: unknown): StartPosition {
  return parse(where, startPosition, position)
}

/** Checks the options of one method, and puts their defaults in place. */
function resolver<O extends Options>(where: string, options: O): (given?: unknown) => Taken<O> {
  const schema = v.strictObject(options)
  return (given = {}) => parse(where, schema, given)
}

function positioningOf(given: Given<typeof positionOptions>): readonly string[] {
  const names = Object.keys(positionOptions) as (keyof typeof positionOptions)[]
  if (given.group !== undefined) checkName('group', given.group)
  return names.filter((name) => given[name] !== undefined)
}

/** A user's own function may answer anything; what is no delay becomes the default one. */
function resolveBackoff(backoff: ListenOptions['backoff']): (attempt: number) => number {
  if (typeof backoff !== 'function') return (attempt) => backoffMs(attempt, backoff)
  return (attempt) => {
    const delayMs = backoff(attempt)
    return Number.isFinite(delayMs) && delayMs >= 0 ? Math.min(delayMs, MAX_DELAY_MS) : backoffMs(attempt)
  }
}
