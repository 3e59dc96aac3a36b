import type { Inbox, Outcome } from '../../../engine.js'
import type { Delivery, Settlement } from '../../../event.js'
import type { ResolvedSubscribeOptions } from '../../../options/resolve.js'
import type { SqlContext } from '../context.js'
import { ackUnleased, settleUnleased } from '../flow/unleased.js'
import { toDelivery } from './log-delivery.js'
import { Missed } from './missed.js'
import { Reader } from './reader.js'
import { ReaderLatch } from './reader-latch.js'
import type { Sequencer } from './sequencer.js'

/** A subscriber that reads for itself, from a place on; nobody remembers how far. */
export class LogInbox implements Inbox {
  readonly isPlenty = false
  readonly #context: SqlContext
  readonly #reader: Reader
  readonly #latch: ReaderLatch
  readonly #onDispose: () => void

  constructor(
    context: SqlContext,
    parts: { readonly sequencer: Sequencer; readonly onDispose: () => void },
    places: ReadonlyMap<string, number>,
    { pollIntervalMs, onGap }: ResolvedSubscribeOptions,
  ) {
    const { sequencer, onDispose } = parts
    this.#context = context
    this.#onDispose = onDispose
    this.#reader = new Reader(sequencer, places, '', new Missed(context, onGap, undefined))
    this.#latch = new ReaderLatch(sequencer, [...places.keys()], pollIntervalMs)
  }

  async take(limit: number, signal: AbortSignal): Promise<readonly Delivery[]> {
    while (!signal.aborted) {
      // Before reading: a hint that comes while it is under way must not be forgotten.
      this.#latch.clear()
      const entries = await this.#reader.next(limit)
      if (entries.length > 0) return entries.map((entry) => toDelivery(entry, 1, null))
      await this.#latch.wait(signal)
    }
    return []
  }

  ack(delivery: Delivery, outcome: Outcome): void {
    ackUnleased(this.#context, delivery, outcome)
  }

  async settle(delivery: Delivery, how: Settlement): Promise<boolean> {
    return settleUnleased(this.#context, delivery, how)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#latch[Symbol.dispose]()
    this.#onDispose()
  }
}
