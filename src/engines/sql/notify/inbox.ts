import { describe } from '../../../common/errors.js'
import { isFinal } from '../../../common/outage.js'
import { Latch } from '../../../common/wait.js'
import type { Inbox, Outcome } from '../../../engine.js'
import type { Delivery, Settlement } from '../../../event.js'
import type { Gap } from '../../../options/options.js'
import type { ResolvedSubscribeOptions } from '../../../options/resolve.js'
import type { SqlContext } from '../context.js'
import { tellGap } from '../flow/gap.js'
import { ackUnleased, settleUnleased } from '../flow/unleased.js'
import { readSpill, type Spilled } from '../verbs/notify.js'
import { Bounded } from './bounded.js'
import { type Address, type Arrival, decodeEnvelope } from './envelope.js'

interface Envelope {
  readonly address: Address
  readonly text: string
}

/** One live subscriber: a bounded buffer between the socket, which must never wait, and the consumer, which may. */
export class NotifyInbox implements Inbox {
  readonly isPlenty = false
  readonly channels: readonly string[]
  readonly #context: SqlContext
  readonly #onGap: ((gap: Gap) => void) | undefined
  readonly #onDispose: (inbox: NotifyInbox) => void
  readonly #envelopes: Bounded<Envelope>
  /** Taken out of the buffer, payloads still to be read back; kept until that worked. */
  #arrivals: readonly Arrival[] = []
  #dropped = 0
  readonly #arrived = new Latch()

  constructor(
    context: SqlContext,
    channels: readonly string[],
    options: ResolvedSubscribeOptions,
    onDispose: (inbox: NotifyInbox) => void,
  ) {
    this.#context = context
    this.channels = channels
    this.#envelopes = new Bounded(options.bufferSize)
    this.#onGap = options.onGap
    this.#onDispose = onDispose
  }

  /** Called from the socket: keeps the text, decodes nothing, throws nothing. */
  push(address: Address, text: string): void {
    if (this.#envelopes.put({ address, text })) this.#dropped++
    this.#arrived.ring()
  }

  /** Events may have been missed. */
  tellGap(reason: Gap['reason'], missed?: number): void {
    tellGap(this.#context, this.#onGap, { reason, missed, channels: this.channels })
  }

  async take(limit: number, signal: AbortSignal): Promise<readonly Delivery[]> {
    while (!signal.aborted) {
      if (this.#arrivals.length === 0 && this.#envelopes.length === 0) await this.#arrived.heard(signal)
      if (this.#arrivals.length === 0) this.#openNext(limit)
      const arrivals = this.#arrivals
      const deliveries = arrivals.every(hasPayload) ? arrivals : await this.#fetchSpilled(arrivals)
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#onDispose(this)
  }

  #openNext(limit: number): void {
    this.#tellDropped()
    const arrivals: Arrival[] = []
    for (const envelope of this.#envelopes.take(limit)) {
      const arrival = this.#open(envelope)
      if (arrival !== undefined) arrivals.push(arrival)
    }
    this.#arrivals = arrivals
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return
    const missed = this.#dropped
    this.#dropped = 0
    this.tellGap('overflow', missed)
  }

  #open({ address, text }: Envelope): Arrival | undefined {
    try {
      return decodeEnvelope(text, address)
    } catch (error) {
      this.#fail(address.channel, null, error)
      return undefined
    }
  }

  async #fetchSpilled(arrivals: readonly Arrival[]): Promise<readonly Delivery[]> {
    const byId = await this.#readSpilled(arrivals.filter((arrival) => !hasPayload(arrival)).map(({ id }) => id))
    return arrivals.flatMap((arrival) => {
      if (hasPayload(arrival)) return [arrival]
      const spilled = byId.get(arrival.id)
      if (spilled === undefined) {
        this.#fail(arrival.channel, arrival.id, 'its payload is not in the spill table (any more)')
        return []
      }
      return [{ ...arrival, ...spilled }]
    })
  }

  /** A stranger's envelope may promise a payload where there is no table; only a broken connection is worth another try. */
  async #readSpilled(ids: readonly string[]): Promise<ReadonlyMap<string, Spilled>> {
    try {
      return await this.#context.database.run(readSpill(ids))
    } catch (error) {
      if (isFinal(error)) return new Map()
      throw error
    }
  }

  #fail(channel: string, eventId: string | null, error: unknown): void {
    this.#context.telemetry.decodeFailed(channel, eventId)
    this.#context.options.logger.warn('a notification was skipped', { channel, error: describe(error) })
  }
}

function hasPayload(arrival: Arrival): arrival is Delivery {
  return arrival.payload !== undefined
}
