import { bulk, draining, idleLatency, publishing } from '../entries.js'
import type { Line } from '../line.js'
import { plainjob, rawSqlite, rowcastOnSqlite, withDefaults } from './who.js'

export const sqliteLines: readonly Line[] = [
  {
    name: 'sqlite-publish-256',
    title: 'SQLite, queue: publish() awaited by 256 concurrent callers',
    measure: 'rate',
    unit: 'events/s',
    entries: [
      publishing(rowcastOnSqlite, 256),
      bulk({ ...rawSqlite, name: 'raw better-sqlite3, by 256' }, 256),
      publishing(plainjob, 256),
    ],
    targets: [
      { against: 'raw better-sqlite3, by 256', atLeast: 0.4 },
      { against: 'plainjob', atLeast: 4 },
    ],
  },
  {
    name: 'sqlite-drain',
    title: 'SQLite, queue: drain a backlog of 100 000, concurrency 100, retentionMs: 0',
    measure: 'rate',
    unit: 'events/s',
    entries: [
      draining(rowcastOnSqlite),
      draining(withDefaults(rowcastOnSqlite, 'rowcast, default retention')),
      draining({ ...rawSqlite, name: 'raw better-sqlite3, by 500' }),
      draining(plainjob, { count: 20_000 }),
    ],
    targets: [{ against: 'raw better-sqlite3, by 500', atLeast: 0.4 }],
  },
  {
    name: 'sqlite-latency',
    title: 'SQLite, queue: idle latency from publish call to handler, two processes',
    measure: 'p50',
    unit: 'ms',
    entries: [idleLatency(withDefaults(rowcastOnSqlite)), idleLatency(plainjob)],
    targets: [{ atMost: 6 }],
  },
]
