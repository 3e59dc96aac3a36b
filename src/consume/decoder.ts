import { describe } from '../common/errors.js'
import type { Logger } from '../common/logger.js'
import { type Schemas, validate } from '../common/schema.js'
import type { Telemetry } from '../common/telemetry.js'
import type { Delivery, Json, Metadata } from '../event.js'
import { Message, type MessageOwner } from './message.js'

/** What decoding needs of the channel object. */
export interface DecoderContext {
  readonly telemetry: Telemetry
  readonly logger: Logger
  readonly schemas: Schemas | undefined
}

/** Makes messages of what a backend delivers. What cannot be decoded would come again and again: it is set aside. */
export class Decoder {
  readonly #context: DecoderContext
  readonly #owner: MessageOwner

  constructor(context: DecoderContext, owner: MessageOwner) {
    this.#context = context
    this.#owner = owner
  }

  /** A promise only where a schema needs time, or where it was set aside (`undefined`). */
  decode(delivery: Delivery): Message | Promise<Message | undefined> {
    try {
      const payload = validate(this.#context.schemas, delivery.channel, read(delivery.payload))
      const metadata = readMetadata(delivery.metadata)
      return payload instanceof Promise
        ? this.#decodeLate(delivery, payload, metadata)
        : new Message(delivery, payload, metadata, this.#owner)
    } catch (error) {
      return this.#setAside(delivery, error)
    }
  }

  async #decodeLate(delivery: Delivery, payload: Promise<unknown>, metadata: Metadata): Promise<Message | undefined> {
    try {
      return new Message(delivery, await payload, metadata, this.#owner)
    } catch (error) {
      return this.#setAside(delivery, error)
    }
  }

  async #setAside(delivery: Delivery, error: unknown): Promise<undefined> {
    const { id, channel } = delivery
    this.#context.telemetry.decodeFailed(channel, id)
    try {
      await this.#owner.inbox.settle(delivery, { type: 'dead', error: `cannot be decoded: ${describe(error)}` })
    } catch (reason) {
      this.#context.logger.warn('an event could not be settled', { id, channel, error: describe(reason) })
    }
  }
}

function read(json: Json): unknown {
  return typeof json === 'string' ? JSON.parse(json) : json.value
}

const NO_METADATA: Metadata = Object.freeze({})

/** @throws {SyntaxError} {TypeError} when it is no JSON object: somebody else wrote the row */
function readMetadata(json: Json | null): Metadata {
  if (json === null) return NO_METADATA
  const metadata = read(json)
  if (typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)) return metadata as Metadata
  throw new TypeError('metadata is not a JSON object')
}
