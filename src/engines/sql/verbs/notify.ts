import type { EventId, NewEvent } from '../../../event.js'
import type { Row } from '../unit-of-work.js'
import { countRows, defineVerb, nothing, textOrNull } from './verb.js'

/* What sends notifications, and keeps what is too large for one. */

/** Sends one notification on one topic. */
export const broadcastOne = defineVerb(
  'notify/broadcast_one',
  (topic: string, notification: string) => ({ topics: topic, notifications: notification }),
  nothing,
)

/** Sends notifications, each on its topic. What is told apart by them no topic and no notification holds. */
export const broadcast = defineVerb(
  'notify/broadcast',
  (topics: readonly string[], notifications: readonly string[]) => ({
    topics: topics.join('\n'),
    notifications: notifications.join('\x1e'),
  }),
  nothing,
)

/** Notifies topics that they have something. */
export const wake = defineVerb('notify/wake', (topics: readonly string[]) => ({ topics }), nothing)

/** Keeps payloads that are too large for a notification. */
export const spill = defineVerb(
  'notify/spill',
  (events: readonly NewEvent[]) => ({
    events: events.map(({ id, payload, metadata }) => ({ id, payload, metadata })),
  }),
  nothing,
)

/** What was too large for a notification, as JSON text. */
export interface Spilled {
  readonly payload: string
  readonly metadata: string | null
}

/** What was kept of these events. */
export const readSpill = defineVerb(
  'notify/read_spill',
  (ids: readonly EventId[]) => ({ ids }),
  (rows: readonly Row[]): ReadonlyMap<EventId, Spilled> =>
    new Map(
      rows.map(
        (row) => [String(row.id), { payload: String(row.payload), metadata: textOrNull(row.metadata) }] as const,
      ),
    ),
)

/** Deletes what has been kept for longer, at most `limit` payloads; answers with how many. */
export const purgeSpill = defineVerb(
  'notify/purge',
  (retentionMs: number, limit: number) => ({ retention_ms: retentionMs, limit }),
  countRows,
)
