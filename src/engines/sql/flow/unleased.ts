import type { Outcome } from '../../../engine.js'
import type { Delivery, Settlement } from '../../../event.js'
import type { SqlContext } from '../context.js'

/* Settling where every subscriber has its own copy: nothing is leased, so nothing can be lost. */

export function ackUnleased({ telemetry }: SqlContext, delivery: Delivery, outcome: Outcome): void {
  telemetry.settled('ack', delivery, null)
  outcome.onSettled(true)
}

/** Nobody else would take it, so nothing can be given back. */
export function settleUnleased({ telemetry, options }: SqlContext, delivery: Delivery, how: Settlement): boolean {
  const { id, channel } = delivery
  if (how.type === 'nack' || how.type === 'dead') {
    telemetry.settled('nack', delivery, null)
    options.logger.warn('an event failed or was nacked, and does not come back: each subscriber gets it once', {
      id,
      channel,
      error: how.error,
    })
  }
  return how.type === 'extend'
}
