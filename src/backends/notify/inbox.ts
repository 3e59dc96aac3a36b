import type { Row } from '../../adapters/adapter.js'
import { describe } from '../../errors.js'
import type { Delivery, EventId, Settlement } from '../../event.js'
import type { Gap } from '../../options.js'
import type { ResolvedSubscribeOptions } from '../../resolve.js'
import { isFinal } from '../../trouble.js'
import { defer } from '../../wait.js'
import type { BackendContext, Inbox, Outcome } from '../backend.js'
import { ackUnleased, settleUnleased } from '../unleased.js'
import { type Arrival, unseal } from './envelope.js'

interface Envelope {
  readonly channel: string
  readonly text: string
}

const NONE_SPILLED: ReadonlyMap<unknown, Row> = new Map()

/** One live subscriber: a bounded buffer between the socket, which must never wait, and the consumer, which may. */
export class NotifyInbox implements Inbox {
  readonly channels: readonly string[]
  readonly #context: BackendContext
  readonly #bufferSize: number
  readonly #onGap: ((gap: Gap) => void) | undefined
  readonly #onDispose: (inbox: NotifyInbox) => Promise<void>
  #envelopes: Envelope[] = []
  /** Taken out of the buffer, payloads still to be read back; kept until that worked. */
  #arrivals: readonly Arrival[] = []
  #dropped = 0
  #arrived = defer<void>()

  constructor(
    context: BackendContext,
    channels: readonly string[],
    options: ResolvedSubscribeOptions,
    onDispose: (inbox: NotifyInbox) => Promise<void>,
  ) {
    this.#context = context
    this.channels = channels
    this.#bufferSize = options.bufferSize
    this.#onGap = options.onGap
    this.#onDispose = onDispose
  }

  /** Called from the socket: keeps the text, decodes nothing, throws nothing. */
  push(channel: string, text: string): void {
    this.#envelopes.push({ channel, text })
    if (this.#envelopes.length > this.#bufferSize) {
      this.#envelopes.shift()
      this.#dropped++
    }
    this.#arrived.resolve()
  }

  /** Events may have been missed. */
  tellGap(reason: Gap['reason'], missed?: number): void {
    this.#context.telemetry.count('events.gap', missed ?? 1)
    // A user's function, which may throw, or take its time and then fail.
    const told = (async () => this.#onGap?.({ reason, missed, channels: this.channels }))()
    told.catch((error: unknown) => this.#context.options.logger.warn('onGap failed', { error: describe(error) }))
  }

  async take(limit: number, signal: AbortSignal): Promise<readonly Delivery[]> {
    while (!signal.aborted) {
      if (this.#arrivals.length === 0) await this.#openNext(limit, signal)
      const deliveries = await this.#fetchSpilled(this.#arrivals)
      this.#arrivals = []
      if (deliveries.length > 0) return deliveries
    }
    return []
  }

  ack(delivery: Delivery, outcome: Outcome): void {
    ackUnleased(this.#context, delivery, outcome)
  }

  async settle(delivery: Delivery, how: Settlement): Promise<boolean> {
    return settleUnleased(this.#context, delivery, how)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#onDispose(this)
  }

  async #openNext(limit: number, signal: AbortSignal): Promise<void> {
    if (this.#envelopes.length === 0) await this.#arrival(signal)
    this.#tellDropped()
    this.#arrivals = this.#envelopes
      .splice(0, limit)
      .map((envelope) => this.#open(envelope))
      .filter((arrival) => arrival !== undefined)
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return
    const missed = this.#dropped
    this.#dropped = 0
    this.tellGap('overflow', missed)
  }

  #open({ channel, text }: Envelope): Arrival | undefined {
    try {
      const arrival = unseal(text)
      // Two names may share a hashed topic; the envelope says which one is meant.
      return arrival.delivery.channel === channel ? arrival : undefined
    } catch (error) {
      this.#fail(channel, error)
      return undefined
    }
  }

  async #fetchSpilled(arrivals: readonly Arrival[]): Promise<readonly Delivery[]> {
    const ids = arrivals.filter(({ spilled }) => spilled).map(({ delivery }) => delivery.id)
    const byId = ids.length === 0 ? NONE_SPILLED : await this.#readSpilled(ids)
    return arrivals.flatMap((arrival) => {
      if (!arrival.spilled) return [arrival.delivery]
      const row = byId.get(arrival.delivery.id)
      if (row === undefined) {
        this.#fail(arrival.delivery.channel, 'its payload is not in the spill table (any more)')
        return []
      }
      const metadata = row.metadata === null ? null : String(row.metadata)
      return [{ ...arrival.delivery, payload: String(row.payload), metadata }]
    })
  }

  /** A stranger's envelope may promise a payload where there is no table; only a broken connection is worth another try. */
  async #readSpilled(ids: readonly EventId[]): Promise<ReadonlyMap<unknown, Row>> {
    try {
      const rows = await this.#context.adapter.run('read_spill', { ids })
      return new Map(rows.map((row) => [row.id, row]))
    } catch (error) {
      if (isFinal(error)) return new Map()
      throw error
    }
  }

  #fail(channel: string, error: unknown): void {
    this.#context.telemetry.count('events.decode.failed', 1, channel)
    this.#context.options.logger.warn('a notification was skipped', { channel, error: describe(error) })
  }

  async #arrival(signal: AbortSignal): Promise<void> {
    this.#arrived = defer()
    const { promise, resolve } = this.#arrived
    const onAbort = () => resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    await promise
    signal.removeEventListener('abort', onAbort)
  }
}
