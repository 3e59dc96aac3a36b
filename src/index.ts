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
export type {
  DecodeFailedFact,
  DeliveredFact,
  DroppedFact,
  GapFact,
  HandledFact,
  NotifiedFact,
  ObjectFact,
  PublishedFact,
  SettledFact,
  TelemetryFact,
} from './common/facts.js'
export type { Logger } from './common/logger.js'
export type { Schemas, StandardSchema } from './common/schema.js'
export type { CounterName, TelemetryMessage, TelemetryReader, TelemetrySnapshot } from './common/telemetry.js'
export type { Handler, Listener } from './consume/listener.js'
export type { Subscription } from './consume/subscription.js'
export type {
  AppliedMigration,
  ChannelStats,
  DeadLetter,
  EngineSource,
  Group,
} from './engine.js'
export type { AnyEvents, EventId, EventMessage, MessageOf, Metadata, Publication } from './event.js'
export type { DeadLetterFilter, DeadLetters } from './operate/dead-letters.js'
export type { Groups } from './operate/groups.js'
export type { Health } from './operate/health.js'
export { optionsFromEnvironment } from './options/environment.js'
export type {
  BackendName,
  BackoffOptions,
  ChannelOptions,
  CloseOptions,
  DeadLetterPage,
  Gap,
  GroupFilter,
  ListenOptions,
  NackOptions,
  PublishOptions,
  StartPosition,
  StopOptions,
  SubscribeOptions,
} from './options/options.js'
