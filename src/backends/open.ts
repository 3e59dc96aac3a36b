import { checkSchema, migrate } from '../migrate.js'
import type { BackendName } from '../options.js'
import type { Backend, BackendContext } from './backend.js'
import { LogBackend } from './log/log.js'
import { NotifyBackend } from './notify/notify.js'
import { QueueBackend } from './queue/queue.js'

/** The backend that was asked for, or the default of the adapter, on tables that are in order. */
export async function openBackend(context: BackendContext): Promise<Backend> {
  const name = context.options.backend ?? (context.adapter.listen === undefined ? 'queue' : 'notify')
  return OPENERS[name](context)
}

const OPENERS: Readonly<Record<BackendName, (context: BackendContext) => Promise<Backend>>> = {
  async notify(context) {
    return context.adapter.listen === undefined ? carryByLog(context) : new NotifyBackend(context)
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
async function carryByLog(context: BackendContext): Promise<Backend> {
  context.telemetry.count('events.fallback')
  const reason = 'this database cannot notify'
  context.options.logger.warn("no notifications: backend 'log' carries them instead", { reason })
  return OPENERS.log(context)
}

async function prepareTables({ adapter, options }: BackendContext): Promise<void> {
  // Before the migrations are looked at, whose record may be hidden, too.
  await adapter.checkTables?.()
  await (options.autoMigrate ? migrate(adapter) : checkSchema(adapter))
}
