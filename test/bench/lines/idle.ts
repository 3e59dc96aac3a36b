import { actorOf, onStage, pause, type Who } from '../entries.js'
import type { Entry, Line } from '../line.js'
import { rowcast, rowcastOnMysql, rowcastOnSqlite, withDefaults } from './who.js'

/** A consumer without events: its statements a minute, and its share of a core. */
function idling(who: Who): Entry {
  return onStage(who, async (stage, { quick }) => {
    const consumer = await actorOf(stage, who)
    await consumer.do('consume', { concurrency: 10 })
    // Longer than a watcher takes to slow down after a change, and V8 to tidy up the heap of a process that just started.
    await pause(12_000)
    const { queries, cpu } = await consumer.do('idle', { ms: quick ? 3_000 : 15_000 })
    return { cpu, queries }
  })
}

export const idleLines: readonly Line[] = [
  {
    name: 'idle',
    title: 'Idle consumer: share of a core, and statements a minute',
    measure: 'cpu',
    unit: '%',
    entries: [
      idling(withDefaults(rowcast, 'rowcast on Postgres')),
      idling(withDefaults(rowcastOnMysql, 'rowcast on MariaDB')),
      idling(withDefaults(rowcastOnSqlite, 'rowcast on SQLite')),
    ],
    targets: [{ of: 'rowcast on SQLite', atMost: 2 }],
  },
]
