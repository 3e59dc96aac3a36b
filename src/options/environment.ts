import type { ChannelOptions } from './options.js'

const ENVIRONMENT_NUMBERS = ['leaseMs', 'maxAttempts', 'retentionMs', 'pollIntervalMs', 'maxPayloadBytes'] as const
const ENVIRONMENT_SWITCHES = ['autoMigrate', 'bestEffort', 'dropUnread'] as const
const ENVIRONMENT_TEXTS = ['backend', 'schema', 'tablePrefix', 'listenUrl', 'serviceName'] as const

/**
 * Channel options from `ROWCAST_*` variables: `leaseMs` from `ROWCAST_LEASE_MS`, and so on for every option that is a
 * number, a switch (`true` or `false`) or a text.
 * @throws {ConfigurationError} from `EventChannel.open` when a value does not fit its option
 */
export function optionsFromEnvironment(environment: NodeJS.ProcessEnv = process.env): ChannelOptions {
  const read = (option: string) => environment[`ROWCAST_${option.replace(/[A-Z]/g, '_$&').toUpperCase()}`]
  const pick = (names: readonly string[], convert: (text: string) => unknown) =>
    names.flatMap((name) => {
      const text = read(name)
      return text === undefined || text === '' ? [] : [[name, convert(text)] as const]
    })
  return Object.fromEntries([
    ...pick(ENVIRONMENT_TEXTS, (text) => text),
    ...pick(ENVIRONMENT_NUMBERS, Number),
    ...pick(ENVIRONMENT_SWITCHES, (text) => (text === 'true' || text === 'false' ? text === 'true' : text)),
  ]) as ChannelOptions
}
