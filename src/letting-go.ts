import type { AbandonableAdapter } from './adapters/abandonable.js'
import type { Backend } from './backends/backend.js'
import type { Consumers } from './consumers.js'
import { ClosedError } from './errors.js'
import type { Logger } from './logger.js'
import type { Publishing } from './publishing.js'
import { atMost, handled } from './wait.js'

/** Longest that closing waits for the database after the drain, and then for what was broken off, in milliseconds. */
const DATABASE_MS = 4_000
const BROKEN_OFF_MS = 1_000

interface Held {
  readonly consumers: Consumers
  readonly publishing: Publishing
  readonly backend: Backend
  readonly adapter: AbandonableAdapter
  readonly logger: Logger
}

/**
 * Gives back what is in hand, waits for what is on its way, and lets go of the database; of one that does not answer, too,
 * which nothing waits for any more then. From this call on nothing can be settled.
 */
export async function letGo(held: Held): Promise<void> {
  const { publishing, adapter, logger } = held
  const done = handled(letGoOfAll(held).then(() => true))
  if (await atMost(DATABASE_MS, done)) return
  logger.warn('the database does not answer: the channel closes without it')
  publishing.abandon(new ClosedError('the channel closed before this was sent: nothing was published'))
  adapter.abandon()
  await atMost(BROKEN_OFF_MS, done).catch(() => undefined)
}

async function letGoOfAll({ consumers, publishing, backend, adapter }: Held): Promise<void> {
  await consumers.letGo()
  await publishing.idle()
  await backend[Symbol.asyncDispose]()
  await adapter[Symbol.asyncDispose]()
}
