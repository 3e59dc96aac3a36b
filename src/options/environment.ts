import { type ChannelOptions, channelOptions } from './options.js'

/** How the text of a variable becomes what an option takes, by the kind of its check. Other kinds have no variable. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  string: (text) => text,
  picklist: (text) => text,
  number: Number,
  // Anything else is left to the check of the option, which names it.
  boolean: (text) => (text === 'true' || text === 'false' ? text === 'true' : text),
}

/** The options that have a variable, with its name and how its text is read. */
export const VARIABLES = Object.entries(channelOptions).flatMap(([option, { wrapped }]) => {
  const read = READERS[wrapped.type]
  return read === undefined ? [] : [{ option, variable: variableOf(option), read }]
})

/**
 * Channel options from `ROWCAST_*` variables: `leaseMs` from `ROWCAST_LEASE_MS`, and so on for every option that is a
 * number, a switch (`true` or `false`) or a text.
 * @throws {ConfigurationError} from `EventChannel.open` when a value does not fit its option
 */
export function optionsFromEnvironment(environment: NodeJS.ProcessEnv = process.env): ChannelOptions {
  const given = VARIABLES.flatMap(({ option, variable, read }) => {
    const text = environment[variable]
    return text === undefined || text === '' ? [] : [[option, read(text)] as const]
  })
  return Object.fromEntries(given)
}

function variableOf(option: string): string {
  return `ROWCAST_${option.replace(/[A-Z]/g, '_$&').toUpperCase()}`
}
