import { describe } from '../../../common/errors.js'
import { Background } from '../../../common/wait.js'
import type { Outcome } from '../../../engine.js'
import type { Settlement } from '../../../event.js'
import type { SqlContext } from '../context.js'
import { noteDeadLettered } from '../flow/dead-lettered.js'
import type { WakeUps } from '../flow/wake-ups.js'
import { deadLetter, release, reschedule } from '../verbs/settle.js'
import type { QueueDelivery } from './delivery.js'
import type { Leases } from './leases.js'
import type { QueueChannel } from './queue-channel.js'

interface SettlerParts {
  readonly leases: Leases
  readonly wakeUps: WakeUps
  channel(name: string): QueueChannel
}

/** Ends deliveries one way or another, fenced by their lease, and counts what became true. */
export class Settler {
  readonly #context: SqlContext
  readonly #parts: SettlerParts
  readonly #background = new Background()

  constructor(context: SqlContext, parts: SettlerParts) {
    this.#context = context
    this.#parts = parts
  }

  ack(delivery: QueueDelivery, outcome: Outcome): void {
    if (delivery.lease.lost) outcome.onSettled(false)
    else this.#parts.channel(delivery.channel).roundTrips.ack(delivery, outcome)
  }

  /** `false`: the lease was lost. */
  async settle(delivery: QueueDelivery, how: Settlement): Promise<boolean> {
    if (delivery.lease.lost) return false
    const { leases } = this.#parts
    if (how.type === 'extend') return !delivery.lease.lapsed && leases.extend(delivery, how.leaseMs)
    leases.beginSettling(delivery)
    try {
      const held = await this.#apply(delivery, how)
      leases.endSettling(delivery, held)
      return held
    } catch (error) {
      leases.giveUpSettling(delivery)
      throw error
    }
  }

  /** For what no caller waits for: when it fails, the lease ends and whoever claims next does it. */
  settleInBackground(delivery: QueueDelivery, how: Settlement): void {
    this.#background.add(this.settle(delivery, how), (error) => {
      this.#context.options.logger.warn('an event could not be settled', { id: delivery.id, error: describe(error) })
    })
  }

  /** Resolves when nothing that nobody waits for is under way. */
  idle(): Promise<void> {
    return this.#background.drained()
  }

  #apply(delivery: QueueDelivery, how: Exclude<Settlement, { type: 'extend' }>): Promise<boolean> {
    switch (how.type) {
      case 'release':
        return this.#release(delivery, true, null)
      case 'nack':
        return this.#nack(delivery, how.delayMs, how.error)
      case 'dead':
        return this.#deadLetter(delivery, how.error)
    }
  }

  async #nack(delivery: QueueDelivery, delayMs: number, error: string | null): Promise<boolean> {
    const held = await this.#nackOnce(delivery, delayMs, error)
    if (held) this.#context.telemetry.settled('nack', delivery, null)
    return held
  }

  #nackOnce(delivery: QueueDelivery, delayMs: number, error: string | null): Promise<boolean> {
    if (delivery.attempts >= delivery.maxAttempts) {
      return this.#deadLetter(delivery, error ?? delivery.lastError ?? `nacked ${delivery.attempts} times`)
    }
    return delayMs > 0 ? this.#reschedule(delivery, delayMs, error) : this.#release(delivery, false, error)
  }

  async #deadLetter(delivery: QueueDelivery, error: string): Promise<boolean> {
    const held = await this.#parts.channel(delivery.channel).settle(deadLetter, { delivery, error })
    if (held) noteDeadLettered(this.#context, delivery, error)
    return held
  }

  async #release(delivery: QueueDelivery, isUntried: boolean, error: string | null): Promise<boolean> {
    const channel = this.#parts.channel(delivery.channel)
    return this.#returned(channel, delivery, 0, await channel.settle(release, { delivery, isUntried, error }))
  }

  async #reschedule(delivery: QueueDelivery, delayMs: number, error: string | null): Promise<boolean> {
    const channel = this.#parts.channel(delivery.channel)
    return this.#returned(channel, delivery, delayMs, await channel.settle(reschedule, { delivery, delayMs, error }))
  }

  #returned({ name, roundTrips }: QueueChannel, delivery: QueueDelivery, delayMs: number, held: boolean): boolean {
    if (!held) return false
    roundTrips.putBack(delivery)
    this.#parts.wakeUps.returned(name, delayMs)
    return true
  }
}
