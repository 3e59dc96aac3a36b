import { bothAtOnce, bulk, draining, idleLatency, publishing } from '../entries.js'
import type { Line } from '../line.js'
import {
  bullmq,
  graphile,
  graphileTuned,
  pgBoss,
  pgBossTuned,
  rawPostgres,
  rawWoken,
  rowcast,
  withDefaults,
} from './who.js'

/** Events of a backlog for those who drain a few thousand a second, or one in two seconds. */
const SLOW = { count: 20_000, limitMs: 30_000 }
const SLOWEST = { count: 20_000, limitMs: 6_000 }

export const postgresLines: readonly Line[] = [
  {
    name: 'publish-256',
    title: 'Postgres, queue: publish() awaited by 256 concurrent callers in one process',
    measure: 'rate',
    unit: 'events/s',
    entries: [
      publishing(rowcast, 256),
      bulk({ ...rawPostgres, name: 'raw pg, by 256' }, 256),
      publishing(graphile, 256),
      publishing(pgBoss, 256),
      publishing(bullmq, 256),
    ],
    targets: [
      { against: 'graphile-worker', atLeast: 40 },
      { against: 'raw pg, by 256', atLeast: 0.5 },
      { against: 'BullMQ', atLeast: 2.5 },
    ],
  },
  {
    name: 'publish-1',
    title: 'Postgres, queue: publish() by one caller, one after another',
    measure: 'rate',
    unit: 'events/s',
    entries: [
      publishing(rowcast, 1),
      publishing({ ...rawPostgres, name: 'raw pg, one row' }, 1),
      publishing(graphile, 1),
      publishing(pgBoss, 1),
      publishing(bullmq, 1),
    ],
    targets: [{ against: 'raw pg, one row', atLeast: 0.9 }],
  },
  {
    name: 'publish-many',
    title: 'Postgres, queue: publishMany by 1 000',
    measure: 'rate',
    unit: 'events/s',
    entries: [
      bulk(rowcast, 1_000),
      bulk({ ...rawPostgres, name: 'raw pg, by 1 000' }, 1_000),
      bulk(graphile, 1_000),
      bulk(pgBoss, 1_000),
      bulk(bullmq, 1_000),
    ],
    targets: [{ against: 'raw pg, by 1 000', atLeast: 0.7 }],
  },
  {
    name: 'drain',
    title: 'Postgres, queue: drain a backlog of 100 000, concurrency 100, retentionMs: 0',
    measure: 'rate',
    unit: 'events/s',
    entries: [
      draining(rowcast),
      draining(withDefaults(rowcast, 'rowcast, default retention')),
      draining({ ...rawPostgres, name: 'raw pg, by 500' }),
      draining(graphile, SLOW),
      draining(graphileTuned),
      draining(pgBoss, SLOWEST),
      draining(pgBossTuned),
      draining(bullmq),
    ],
    targets: [
      { against: 'graphile-worker, local queue', atLeast: 2.5 },
      { against: 'raw pg, by 500', atLeast: 0.6 },
      { against: 'BullMQ', atLeast: 5 },
      { of: 'rowcast, default retention', against: 'rowcast', atLeast: 0.6 },
    ],
  },
  {
    name: 'both',
    title: 'Postgres, queue: both at once, 256 publishers and one consumer process',
    measure: 'rate',
    unit: 'events/s',
    entries: [
      bothAtOnce(rowcast),
      bothAtOnce(graphile),
      bothAtOnce(graphileTuned),
      bothAtOnce(pgBossTuned),
      bothAtOnce(bullmq),
    ],
    targets: [
      { against: 'graphile-worker', atLeast: 50 },
      { against: 'BullMQ', atLeast: 4 },
    ],
  },
  {
    name: 'latency',
    title: 'Postgres, queue: idle latency from publish call to handler, two processes, one event every 20 ms',
    measure: 'p50',
    unit: 'ms',
    entries: [
      idleLatency(withDefaults(rowcast)),
      idleLatency(rawWoken),
      idleLatency(graphile),
      idleLatency(graphileTuned),
      idleLatency(pgBossTuned),
      idleLatency(bullmq),
    ],
    targets: [
      { against: 'graphile-worker', atMost: 0.65 },
      { against: 'BullMQ', atMost: 1.3 },
      { measure: 'p99', against: 'graphile-worker', atMost: 1 },
      { measure: 'p99', against: 'BullMQ', atMost: 1 },
    ],
  },
]
