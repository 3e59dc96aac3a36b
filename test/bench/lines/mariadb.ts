import { bulk, draining, publishing } from '../entries.js'
import type { Line } from '../line.js'
import { rawMysql, rowcastOnMysql, withDefaults } from './who.js'

export const mariadbLines: readonly Line[] = [
  {
    name: 'mariadb-publish-256',
    title: 'MariaDB, queue: publish() awaited by 256 concurrent callers',
    measure: 'rate',
    unit: 'events/s',
    entries: [publishing(rowcastOnMysql, 256), bulk({ ...rawMysql, name: 'raw mysql2, by 256' }, 256)],
    targets: [{ against: 'raw mysql2, by 256', atLeast: 0.5 }],
  },
  {
    name: 'mariadb-drain',
    title: 'MariaDB, queue: drain a backlog of 100 000, concurrency 100, retentionMs: 0',
    measure: 'rate',
    unit: 'events/s',
    entries: [
      draining(rowcastOnMysql),
      draining(withDefaults(rowcastOnMysql, 'rowcast, default retention')),
      draining({ ...rawMysql, name: 'raw mysql2, by 500' }),
    ],
    targets: [{ against: 'raw mysql2, by 500', atLeast: 0.5 }],
  },
]
