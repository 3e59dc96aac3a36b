import type { Delivery } from '../../../event.js'
import type { SqlContext } from '../context.js'

/** Counts a dead letter and says so: its handler's failures are debug lines, and nothing else tells of it. */
export function noteDeadLettered(
  { telemetry, options }: SqlContext,
  { id, channel, attempts: counted, maxAttempts }: Delivery,
  error: string,
  group?: string,
): void {
  // The claim that finds them used up counted once more.
  const attempts = Math.min(counted, maxAttempts)
  telemetry.settled('dead', { id, channel, attempts }, group ?? null)
  options.logger.warn('an event became a dead letter', {
    id,
    channel,
    ...(group !== undefined && { group }),
    attempts,
    error,
  })
}
