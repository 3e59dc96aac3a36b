export { EventChannel } from './channel.js'
export {
  ClosedError,
  ConfigurationError,
  ConnectionError,
  type ErrorCode,
  MigrationError,
  PayloadError,
  RowcastError,
  UnsupportedError,
} from './common/errors.js'
export type { Logger } from './common/logger.js'
export type { BackoffOptions } from './common/retry.js'
export type { Schemas, StandardSchema } from './common/schema.js'
export type { CounterName, TelemetryFact, TelemetryReader, TelemetrySnapshot } from './common/telemetry.js'
export type { Handler, Listener } from './consume/listener.js'
export type { Subscription } from './consume/subscription.js'
export type {
  AppliedMigration,
  ChannelStats,
  DeadLetter,
  DeadLetterPage,
  EngineSource,
  Group,
  GroupFilter,
} from './engine.js'
export type { EventId, EventMessage, Metadata, NackOptions } from './event.js'
export type { DeadLetterFilter, DeadLetters } from './operate/dead-letters.js'
export type { Groups } from './operate/groups.js'
export type { Health } from './operate/health.js'
export { optionsFromEnvironment } from './options/environment.js'
export type { AnyEvents, MessageOf, Publication } from './options/event-map.js'
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
} from './options/options.js'
