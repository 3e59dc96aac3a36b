import type { Lease } from '../../../common/lease.js'
import type { Delivery } from '../../../event.js'
import type { Entry } from '../verbs/entry.js'

/** An entry in the hands of a consumer. */
export interface LogDelivery extends Delivery {
  readonly payload: string
  readonly position: number
}

/** An entry, or a delivery of it, on its way to a consumer. Spelled out: a spread takes ten times as long. */
export function toDelivery(entry: Omit<Entry, 'group'>, attempts: number, lease: Lease | null): LogDelivery {
  const { id, channel, payload, metadata, maxAttempts, createdAtMs, availableAtMs, position } = entry
  return { id, channel, payload, metadata, attempts, maxAttempts, createdAtMs, availableAtMs, position, lease }
}
