import type { EventMessage } from '../event.js'
import type { PublishOptions } from './options.js'

/** Channel names and the types of their payloads, where none were declared. */
export type AnyEvents = Record<string, unknown>

/** The messages of some channels, each with the payload type of its own. */
export type MessageOf<Events, Channel extends keyof Events & string> = {
  [C in Channel]: EventMessage<Events[C], C>
}[Channel]

/** One event of `publishMany`. */
export type Publication<Events> = {
  [C in keyof Events & string]: { readonly channel: C; readonly payload: Events[C] } & Omit<PublishOptions, 'tx'>
}[keyof Events & string]
