import { describe, PayloadError } from './errors.js'

/**
 * What any validator that follows the Standard Schema looks like: Zod, Valibot, ArkType and others.
 * @see https://standardschema.dev
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    validate(value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<SchemaIssue> }

interface SchemaIssue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

/** A validator per channel. */
export type Schemas = Readonly<Record<string, StandardSchema>>

/** What each channel's schema accepts from a publisher. */
export type SchemaInputs<S extends Schemas> = { [C in keyof S]: InputOf<S[C]> }
/** What each channel's schema hands to a consumer. */
export type SchemaOutputs<S extends Schemas> = { [C in keyof S]: OutputOf<S[C]> }

type InputOf<S> = S extends StandardSchema<infer Input, unknown> ? Input : never
type OutputOf<S> = S extends StandardSchema<infer _Input, infer Output> ? Output : never

/**
 * Validates a payload against the schema of its channel, if it has one; returns what the schema made of it.
 * @throws {PayloadError} naming the channel and the first issues
 */
export function validate(schemas: Schemas | undefined, channel: string, payload: unknown): unknown | Promise<unknown> {
  // A channel may be named like something that every object inherits.
  const schema = schemas !== undefined && Object.hasOwn(schemas, channel) ? schemas[channel] : undefined
  if (schema === undefined) return payload
  const fail = (cause: unknown): never => {
    throw new PayloadError(`the schema of channel ${JSON.stringify(channel)} failed: ${describe(cause)}`, { cause })
  }
  let result: SchemaResult<unknown> | Promise<SchemaResult<unknown>>
  try {
    result = schema['~standard'].validate(payload)
  } catch (error) {
    return fail(error)
  }
  if (!('then' in result)) return unwrap(channel, result)
  return Promise.resolve(result).then((late) => unwrap(channel, late), fail)
}

function unwrap(channel: string, result: SchemaResult<unknown>): unknown {
  if (result.issues === undefined) return result.value
  const faults = result.issues.slice(0, 3).map(({ message, path }) => {
    const where = path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
    return where ? `${where}: ${message}` : message
  })
  throw new PayloadError(
    `payload does not match the schema of channel ${JSON.stringify(channel)}: ${faults.join('; ')}`,
  )
}
