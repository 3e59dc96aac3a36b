import type { Delivery } from '../../../event.js'
import type { SqlContext } from '../context.js'

/** Counts a dead letter and says so: its handler's failures are debug lines, and nothing else tells of it. */
export function noteDeadLettered(
  { telemetry, options }: SqlContext,
  { id, channel, attempts, maxAttempts }: Delivery,
  error: string,
  group?: string,
): void {
  telemetry.count('events.dead', 1, channel)
  options.logger.warn('an event became a dead letter', {
    id,
    channel,
    ...(group !== undefined && { group }),
    // The claim that finds them used up counted once more.
    attempts: Math.min(attempts, maxAttempts),
    error,
  })
}
