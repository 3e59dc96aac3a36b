import type { Adapter } from './adapters/adapter.js'
import { describe } from './errors.js'
import type { BackendName } from './options.js'
import { atMost, handled } from './wait.js'

/** Whether the database answers, and how fast. */
export interface Health {
  readonly ok: boolean
  readonly adapter: Adapter['dialect']['name']
  readonly backend: BackendName
  /** One round trip, in milliseconds. */
  readonly latencyMs: number
  /** Why not, when not ok. */
  readonly error: string | undefined
}

/** How long `health()` waits for an answer, in milliseconds. */
const HEALTH_TIMEOUT_MS = 5_000

/**
 * Asks the database for the time, and whether a listener has failed. Never rejects.
 * @param consumers among them perhaps a listener that could not go on
 * @param assertOpen throws when the channel is closed, whatever the database says
 */
export async function checkHealth(
  adapter: Adapter,
  backend: BackendName,
  consumers: { readonly failure: string | undefined },
  assertOpen: () => void,
): Promise<Health> {
  const startedMs = performance.now()
  const report = (error: string | undefined): Health => ({
    ok: error === undefined,
    adapter: adapter.dialect.name,
    backend,
    latencyMs: performance.now() - startedMs,
    error,
  })
  try {
    assertOpen()
    const answered = await atMost(HEALTH_TIMEOUT_MS, handled(adapter.run('now')))
    return report(answered === undefined ? `no answer within ${HEALTH_TIMEOUT_MS} ms` : consumers.failure)
  } catch (error) {
    return report(describe(error))
  }
}
