import { describe } from '../../../common/errors.js'
import type { Gap } from '../../../options/options.js'
import type { SqlContext } from '../context.js'

/** Says that events may have been missed: counts it, and tells the subscriber who asked to be told. */
export function tellGap({ telemetry, options }: SqlContext, onGap: ((gap: Gap) => void) | undefined, gap: Gap): void {
  telemetry.gap(gap.reason, gap.channels, gap.missed ?? null)
  // A user's function, which may throw, or take its time and then fail.
  const told = (async () => onGap?.(gap))()
  told.catch((error: unknown) => options.logger.warn('onGap failed', { error: describe(error) }))
}
