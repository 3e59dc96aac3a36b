import { describe, UnsupportedError } from '../errors.js'
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
    try {
      return await NotifyBackend.open(context)
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error
      return fallBack(context, error)
    }
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

/** Where nothing can notify, a table carries the same meaning: every live subscriber gets each event. Never a queue. */
async function fallBack(context: BackendContext, reason: UnsupportedError): Promise<Backend> {
  context.telemetry.count('events.fallback')
  context.options.logger.warn("no notifications: backend 'log' carries them instead", { reason: describe(reason) })
  return OPENERS.log(context)
}

async function prepareTables({ adapter, options }: BackendContext): Promise<void> {
  await (options.autoMigrate ? migrate(adapter) : checkSchema(adapter))
}
