import { describe } from './errors.js'
import type { Delivery, Metadata } from './event.js'
import type { Logger } from './logger.js'
import { Message, type MessageOwner } from './message.js'
import { type Schemas, validate } from './schema.js'
import type { Telemetry } from './telemetry.js'

/** What decoding needs of the channel object. */
export interface DecodeContext {
  readonly telemetry: Telemetry
  readonly logger: Logger
  readonly schemas: Schemas | undefined
}

/**
 * Makes a message of what was stored; a promise only where a schema needs time. What cannot be decoded would come again
 * and again, so it is set aside, with the reason.
 */
export function decode(
  context: DecodeContext,
  delivery: Delivery,
  owner: MessageOwner,
): Message | Promise<Message | undefined> {
  try {
    const payload = validate(context.schemas, delivery.channel, JSON.parse(delivery.payload))
    const metadata = parseMetadata(delivery.metadata)
    const make = (valid: unknown) => new Message(delivery, valid, metadata, owner)
    return payload instanceof Promise
      ? payload.then(make).catch((error: unknown) => refuse(context, delivery, owner, error))
      : make(payload)
  } catch (error) {
    return refuse(context, delivery, owner, error)
  }
}

async function refuse(
  { telemetry, logger }: DecodeContext,
  delivery: Delivery,
  { inbox }: MessageOwner,
  error: unknown,
): Promise<undefined> {
  const reason = `cannot be decoded: ${describe(error)}`
  telemetry.count('events.decode.failed', 1, delivery.channel)
  logger.warn(`an event ${reason}`, { id: delivery.id, channel: delivery.channel })
  await inbox.settle(delivery, { type: 'dead', error: reason }).catch(() => false)
}

/** @throws {SyntaxError} {TypeError} when it is no JSON object: somebody else wrote the row */
function parseMetadata(text: string | null): Metadata {
  const metadata: unknown = text === null ? {} : JSON.parse(text)
  if (typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)) return metadata as Metadata
  throw new TypeError('metadata is not a JSON object')
}
