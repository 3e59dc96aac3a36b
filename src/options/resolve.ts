import { hostname } from 'node:os'
import type * as v from 'valibot'
import { ConfigurationError } from '../common/errors.js'
import { guarded } from '../common/logger.js'
import { backoffMs } from '../common/retry.js'
import type { Schemas } from '../common/schema.js'
import type { Delay, Metadata } from '../event.js'
import { checkName } from './names.js'
import type {
  BackendName,
  ChannelOptions,
  CloseOptions,
  Gap,
  ListenOptions,
  PrintOptions,
  StartPosition,
  StopOptions,
} from './options.js'
import { parse } from './parser.js'
import {
  channelOptions,
  closeOptions,
  discardOptions,
  groupFilter,
  listenOptions,
  MAX_DELAY_MS,
  MAX_TIMER_MS,
  ms,
  nackOptions,
  pageOptions,
  printOptions,
  publishManyOptions,
  publishOptions,
  startPosition,
  stopOptions,
  subscribeOptions,
} from './schemas.js'

/** Channel options with every default in place, and who this process is. */
export interface ResolvedChannelOptions extends Required<Omit<ChannelOptions, 'backend' | 'schemas' | 'listenUrl'>> {
  readonly backend: BackendName | undefined
  readonly schemas: Schemas | undefined
  readonly listenUrl: string | undefined
  /** `serviceName`, host and process, as history records them. */
  readonly consumer: string
  /** What a publish without options means. */
  readonly plain: ResolvedPublishOptions
}

export function resolveChannelOptions(options: unknown, where = 'EventChannel.open'): ResolvedChannelOptions {
  const { backend, schemas, listenUrl, ...rest } = parse(where, channelOptions, options)
  const consumer = `${rest.serviceName}@${hostname()}:${process.pid}`
  const { maxAttempts } = rest
  const plain = { metadata: undefined, delay: null, priority: 5, key: null, maxAttempts, tx: undefined, scheduling: [] }
  return { ...rest, logger: guarded(rest.logger), backend, schemas, listenUrl, consumer, plain }
}

/** What `migrationSql` takes: the channel's options, and the version to print from. */
export function resolvePrintOptions(
  options: PrintOptions,
): ResolvedChannelOptions & Required<Pick<PrintOptions, 'from'>> {
  const where = 'migrationSql'
  const { from, ...channel } = options
  return { ...resolveChannelOptions(channel, where), ...parse(where, printOptions, { from }) }
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
  readonly scheduling: readonly SchedulingOption[]
}

export function resolvePublishOptions(defaults: ResolvedChannelOptions, options: unknown): ResolvedPublishOptions {
  // Most calls give none, and checking nothing costs as much as making the id.
  const { plain } = defaults
  if (options === undefined) return plain
  const given = parse('publish', publishOptions, options)
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

export function resolvePublishManyOptions(options: unknown = {}): { readonly tx?: unknown } {
  return parse('publishMany', publishManyOptions, options)
}

const SCHEDULING_OPTIONS = ['delayMs', 'availableAt', 'priority', 'key', 'maxAttempts'] as const
export type SchedulingOption = (typeof SCHEDULING_OPTIONS)[number]

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

export function resolveStopOptions(options: unknown = {}): Required<StopOptions> {
  return parse('stop', stopOptions, options)
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
