export type { AdapterSource } from './adapters/adapter.js'
export type { ChannelStats, DeadLetter, DeadLetterPage, Group, GroupFilter } from './backends/backend.js'
export { EventChannel } from './channel.js'
export type { DeadLetterFilter, DeadLetters } from './dead-letters.js'
export { optionsFromEnvironment } from './environment.js'
export {
  ClosedError,
  ConfigurationError,
  ConnectionError,
  type ErrorCode,
  MigrationError,
  PayloadError,
  RowcastError,
  UnsupportedError,
} from './errors.js'
export type { EventId, EventMessage, Metadata, NackOptions } from './event.js'
export type { AnyEvents, MessageOf, Publication } from './event-map.js'
export type { Groups } from './groups.js'
export type { Health } from './health.js'
export type { Handler, Listener } from './listener.js'
export type { Logger } from './logger.js'
export type { AppliedMigration } from './migrate.js'
export type {
  BackendName,
  ChannelOptions,
  CloseOptions,
  Gap,
  ListenOptions,
  PublishOptions,
  StartPosition,
  StopOptions,
  SubscribeOptions,
} from './options.js'
export type { Schemas, StandardSchema } from './schema.js'
export type { Subscription } from './subscription.js'
export type { CounterName, TelemetryFact, TelemetryReader, TelemetrySnapshot } from './telemetry.js'
export type { BackoffOptions } from './wait.js'
