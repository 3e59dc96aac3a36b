import { describe } from '../common/errors.js'
import { atMost, handled } from '../common/wait.js'
import type { Engine, EngineName } from '../engine.js'
import type { BackendName } from '../options/options.js'

/** Whether the database answers, and how fast. */
export interface Health {
  readonly ok: boolean
  /** What carries the events: the kind of database. */
  readonly engine: EngineName
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
  engine: Engine,
  backend: BackendName,
  consumers: { readonly failure: string | undefined },
  assertOpen: () => void,
): Promise<Health> {
  const startedMs = performance.now()
  const report = (error: string | undefined): Health => ({
    ok: error === undefined,
    engine: engine.name,
    backend,
    latencyMs: performance.now() - startedMs,
    error,
  })
  try {
    assertOpen()
    const answered = await atMost(HEALTH_TIMEOUT_MS, handled(engine.now()))
    return report(answered === undefined ? `no answer within ${HEALTH_TIMEOUT_MS} ms` : consumers.failure)
  } catch (error) {
    return report(describe(error))
  }
}
