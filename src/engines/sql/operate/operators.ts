import type { Operator } from '../../../engine.js'
import type { BackendName } from '../../../options/options.js'
import type { SqlContext } from '../context.js'
import { Positions } from '../flow/positions.js'
import { countLog } from './count-log.js'
import { countQueue } from './count-queue.js'
import { DeadLetterTable } from './dead-letter-table.js'
import { GroupTable } from './group-table.js'

/** What people ask of the tables of a backend, and do to them. */
export const OPERATORS: Readonly<Record<BackendName, (context: SqlContext) => Operator>> = {
  queue: (context) => ({
    stats: (channel) => countQueue(context.database, channel),
    deadLetters: new DeadLetterTable(context, 'queue'),
  }),
  log(context) {
    const groups = new GroupTable(context, new Positions(context))
    return {
      groups,
      // The groups first: that gives positions to what has none yet.
      stats: async (channel) => countLog(context.database, channel, await groups.list({ channel })),
      deadLetters: new DeadLetterTable(context, 'log'),
    }
  },
  notify: () => ({}),
}
