import type { Backend } from '../../engine.js'
import type { BackendName } from '../../options/options.js'
import type { SqlContext } from './context.js'
import { LogBackend } from './log/log.js'
import { checkSchema, migrate } from './migrate.js'
import { NotifyBackend } from './notify/notify.js'
import { QueueBackend } from './queue/queue.js'

/** The backend that was asked for, on tables that are in order. */
export async function openBackend(name: BackendName, context: SqlContext): Promise<Backend> {
  return OPENERS[name](context)
}

const OPENERS: Readonly<Record<BackendName, (context: SqlContext) => Promise<Backend>>> = {
  async notify(context) {
    return context.database.listen === undefined ? carryByLog(context) : new NotifyBackend(context)
  },
  async queue(context) {
    await prepareTables(context)
    return new QueueBackend(context)
  },
  async log(context) {
    await prepareTables(context)
    return LogBackend.open(context)
  },
}

/**
 * Where the database cannot notify, a table carries the same meaning: every live subscriber gets each event. Never a queue,
 * and never beside NOTIFY: on one database all objects do it in the same way, else they would not hear each other.
 */
async function carryByLog(context: SqlContext): Promise<Backend> {
  context.telemetry.happened('fallback')
  const reason = 'this database cannot notify'
  context.options.logger.warn("no notifications: backend 'log' carries them instead", { reason })
  return OPENERS.log(context)
}

async function prepareTables({ database, options }: SqlContext): Promise<void> {
  // Before the migrations are looked at, whose record may be hidden, too.
  await database.checkTables?.()
  await (options.autoMigrate ? migrate(database) : checkSchema(database))
}
