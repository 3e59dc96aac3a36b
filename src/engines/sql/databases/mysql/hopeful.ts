import { RowcastError } from '../../../../common/errors.js'
import { inClaimOrder, type QueueKey } from '../../../../event.js'
import type { Row } from '../../database.js'
import type { Parameters } from '../../statements.js'

/** An exchange that takes every lease for held, and what becomes of it. */
export interface HopefulExchange {
  readonly parameters: Parameters
  /** How many rows a statement must change, by its name; otherwise some lease was lost. */
  readonly changes: ReadonlyMap<string, number>
  /** The acks, if all were held. */
  readonly acks: readonly Row[]
}

/** Some lease was lost, and the answer does not say which: all is undone. Goes no further than database.ts. */
export class LeaseLost extends RowcastError {
  constructor() {
    super('DATABASE', 'a lease was lost')
  }
}

/**
 * Nearly always every lease is held, and then nothing has to be read before it is removed: the count of the removed says
 * it all, in a third less time (measured). Keys to be freed do have to be read.
 * @see sql/mysql/statements/exchange.1-held.sql
 */
export function hope(parameters: Parameters): HopefulExchange | undefined {
  const { settled, keyed } = parameters as { settled: readonly QueueKey[]; keyed: readonly unknown[] }
  if (!Array.isArray(settled) || !Array.isArray(keyed)) throw new Error('an exchange is to come with its lists made')
  if (settled.length === 0 || keyed.length > 0) return undefined
  return {
    parameters: { ...parameters, settled: [], held: settled.toSorted(inClaimOrder) },
    changes: new Map([['exchange.3-removed', settled.length]]),
    acks: settled.map(({ id }) => ({ outcome: 'acked', id })),
  }
}
