import { PayloadError } from '../common/errors.js'
import { validate } from '../common/schema.js'
import { detach, handled, inTime } from '../common/wait.js'
import { type Draft, encodeJson } from '../event.js'
import { checkChannelName } from '../options/names.js'
import { type ResolvedChannelOptions, type ResolvedPublishOptions, resolvePublishOptions } from '../options/resolve.js'

/** Longest that a schema may take, in milliseconds: what comes after it on its channel waits for it. */
const SCHEMA_MS = 30_000

/** An event as the caller of `publish` describes it, with its options resolved. */
export interface Prepared {
  readonly event: Draft
  readonly options: ResolvedPublishOptions
  /** While its schema takes time: resolves when the payload is valid. Absent: it is. */
  readonly valid?: Promise<unknown>
}

/**
 * Checks and encodes what a caller publishes. What travels is what was given at the call, not what the schema made of it:
 * the schema is applied again on delivery, and a transformation must happen once. Nor is it what the caller makes of the
 * object afterwards.
 * @throws {ConfigurationError} {PayloadError}
 */
export function prepare(
  defaults: ResolvedChannelOptions,
  channel: unknown,
  payload: unknown,
  options: unknown,
): Prepared {
  checkChannelName(channel)
  const resolved = resolvePublishOptions(defaults, options)
  const validated = validate(defaults.schemas, channel, payload)
  if (validated instanceof Promise) detach(validated)
  const prepared = { event: encode(defaults, channel, payload, resolved), options: resolved }
  return validated instanceof Promise ? { ...prepared, valid: handled(inSchemaTime(channel, validated)) } : prepared
}

/** `prepare` for those who cannot wait: the schema must answer at once. */
export function prepareSync(...args: Parameters<typeof prepare>): Prepared {
  const prepared = prepare(...args)
  if (prepared.valid === undefined) return prepared
  throw new PayloadError(`the schema of channel ${JSON.stringify(args[1])} is asynchronous: await publish instead`)
}

function encode(
  { maxPayloadBytes }: ResolvedChannelOptions,
  channel: string,
  payload: unknown,
  { metadata, priority, delay, key, maxAttempts }: ResolvedPublishOptions,
): Draft {
  return {
    payload: encodeJson('payload', payload, maxPayloadBytes),
    metadata: metadata === undefined ? null : encodeJson('metadata', metadata, maxPayloadBytes),
    id: undefined,
    channel,
    priority,
    delay,
    key,
    maxAttempts,
  }
}

function inSchemaTime(channel: string, validated: Promise<unknown>): Promise<unknown> {
  return inTime(SCHEMA_MS, validated, () => {
    return new PayloadError(`the schema of channel ${JSON.stringify(channel)} gave no answer within ${SCHEMA_MS} ms`)
  })
}
