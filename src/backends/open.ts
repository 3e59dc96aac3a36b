import { UnsupportedError } from '../errors.js'
import { checkSchema, migrate } from '../migrate.js'
import type { BackendName } from '../options.js'
import type { Backend, BackendContext } from './backend.js'
import { NotifyBackend } from './notify/notify.js'
import { QueueBackend } from './queue/queue.js'

/** The backend that was asked for, or the default of the adapter, on tables that are in order. */
export async function openBackend(context: BackendContext): Promise<Backend> {
  const name = context.options.backend ?? (context.adapter.listen === undefined ? 'queue' : 'notify')
  return OPENERS[name](context)
}

const OPENERS: Readonly<Record<BackendName, (context: BackendContext) => Promise<Backend>>> = {
  async notify(context) {
    if (context.adapter.listen === undefined) {
      throw new UnsupportedError(`${context.adapter.dialect.name} cannot notify: open with backend: 'queue'`)
    }
    return NotifyBackend.open(context)
  },
  async queue(context) {
    await (context.options.autoMigrate ? migrate(context.adapter) : checkSchema(context.adapter))
    return new QueueBackend(context)
  },
  async log() {
    throw new UnsupportedError("backend: 'log' is not there yet: open with backend: 'queue' or 'notify'")
  },
}
