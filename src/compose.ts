import type { EventIds } from './clock.js'
import { PayloadError } from './errors.js'
import { encodeJson, type NewEvent } from './event.js'
import { checkChannelName } from './names.js'
import { type ResolvedChannelOptions, type ResolvedPublishOptions, resolvePublishOptions } from './resolve.js'
import { validate } from './schema.js'

/** An event as the caller of `publish` describes it, with its options resolved. */
export interface Composed {
  readonly event: NewEvent
  readonly options: ResolvedPublishOptions
}

/**
 * Checks and encodes what a caller publishes. What travels is what was given, not what the schema made of it: the schema
 * is applied again on delivery, and a transformation must happen once.
 * @throws {ConfigurationError} {PayloadError}
 */
export function compose(
  defaults: ResolvedChannelOptions,
  ids: EventIds,
  channel: unknown,
  payload: unknown,
  options: unknown,
): Composed | Promise<Composed> {
  checkChannelName(channel)
  const resolved = resolvePublishOptions(defaults, options)
  const validated = validate(defaults.schemas, channel, payload)
  return validated instanceof Promise
    ? validated.then(() => encode(defaults, ids, channel, payload, resolved))
    : encode(defaults, ids, channel, payload, resolved)
}

/** `compose` for those who cannot wait: the schema must answer at once. */
export function composeSync(...args: Parameters<typeof compose>): Composed {
  const composed = compose(...args)
  if (!(composed instanceof Promise)) return composed
  composed.catch(() => undefined)
  throw new PayloadError(`the schema of channel ${JSON.stringify(args[2])} is asynchronous: await publish instead`)
}

function encode(
  { maxPayloadBytes }: ResolvedChannelOptions,
  ids: EventIds,
  channel: string,
  payload: unknown,
  options: ResolvedPublishOptions,
): Composed {
  const { metadata, priority, delay, key, maxAttempts } = options
  const event = {
    payload: encodeJson('payload', payload, maxPayloadBytes),
    metadata: metadata === undefined ? null : encodeJson('metadata', metadata, maxPayloadBytes),
    id: ids.next(),
    channel,
    priority,
    delay,
    key,
    maxAttempts,
  }
  return { event, options }
}
