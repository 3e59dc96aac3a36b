import { type Deferred, defer } from '../common/wait.js'
import type { Inbox, Outcome } from '../engine.js'
import type { Delivery, Settlement } from '../event.js'

/** What a delivery in a consumer's hands needs of its subscription. */
export interface Owner<Held> {
  readonly inbox: Inbox
  /** Throws once nothing can be settled any more. */
  assertOpen(): void
  /** Its consumer has decided about it, or finished with it. Told once. */
  onDone(held: Held): void
  /** It is in no consumer's hands any more. */
  onSettled(held: Held): void
}

type Way = 'ack' | Settlement['type']

/**
 * How a delivery is settled. The first way that is asked for counts:
 *
 *     open ── ack, nack, release, dead ──→ settling ── the backend answers ──→ settled: held, or lost
 *      ↑                                      │
 *      └── the backend fails, nothing known ──┘
 *
 * Asked for once more, in the same way, it has the same answer; in another way, it is refused (`false`) and nothing happens. An ack
 * that failed may be tried again, by its consumer. `onDone` is told when it is first asked for, `onSettled` when it is answered: the
 * consumer may be handed more after the first, and the channel waits for the second when it closes.
 */
export abstract class Settling implements Outcome {
  readonly #delivery: Delivery
  readonly #owner: Owner<this>
  #way: Way | undefined
  #isDone = false
  /** Whether the lease was held; `undefined` until it is settled. */
  #held: boolean | undefined
  /** For those who wait until then. */
  #waiting: Deferred<boolean> | undefined
  #onAcked: AckObserver<this> | undefined

  constructor(delivery: Delivery, owner: Owner<Settling>) {
    this.#delivery = delivery
    this.#owner = owner as Owner<this>
  }

  protected get delivery(): Delivery {
    return this.#delivery
  }

  protected get owner(): Owner<this> {
    return this.#owner
  }

  /** Whether it is settled, or is being settled. */
  get isSettled(): boolean {
    return this.#way !== undefined
  }

  ack(): Promise<boolean> {
    return this.#once('ack', () => this.#owner.inbox.ack(this.#delivery, this))
  }

  /** Acks for a consumer that goes on meanwhile. One that is settled already stays as it is. */
  ackAside(onAcked: AckObserver<this>): void {
    this.#onAcked = onAcked
    try {
      if (this.#begin('ack')) this.#owner.inbox.ack(this.#delivery, this)
      else this.#tell()
    } catch (error) {
      this.#tell(error)
    }
  }

  /** Nobody will settle it: where it is leased, the lease ends by itself, and the event is delivered again. */
  giveUp(): void {
    this.#owner.onSettled(this)
  }

  /** Told by the backend. */
  onSettled(held: boolean): void {
    this.#held = held
    this.#owner.onSettled(this)
    this.#waiting?.resolve(held)
    this.#tell()
  }

  /** Told by the backend: nothing is known to be settled, so it may be tried again. */
  onSettleFailed(error: unknown): void {
    this.#way = undefined
    if (this.#onAcked !== undefined) this.giveUp()
    this.#waiting?.reject(error)
    this.#waiting = undefined
    this.#tell(error)
  }

  /** Any way but an ack. `false`: its lease was lost, or it is settled in another way. */
  protected settle(how: Settlement): Promise<boolean> {
    return this.#once(how.type, () => {
      this.#owner.inbox.settle(this.#delivery, how).then(
        (held) => this.onSettled(held),
        (error: unknown) => this.onSettleFailed(error),
      )
    })
  }

  /** Its consumer has finished with it; told on once, since an ack that failed may be tried again. */
  protected noteDone(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#owner.onDone(this)
  }

  #once(way: Way, settle: () => void): Promise<boolean> {
    try {
      if (this.#way !== way && this.#begin(way)) settle()
    } catch (error) {
      return Promise.reject(error)
    }
    if (this.#way !== way) return Promise.resolve(false)
    if (this.#held !== undefined) return Promise.resolve(this.#held)
    this.#waiting ??= defer()
    return this.#waiting.promise
  }

  /** Whether it was open, and is being settled from now on. */
  #begin(way: Way): boolean {
    this.#owner.assertOpen()
    if (this.isSettled) return false
    this.#way = way
    this.noteDone()
    return true
  }

  #tell(error?: unknown): void {
    const onAcked = this.#onAcked
    this.#onAcked = undefined
    onAcked?.(this, error)
  }
}

/** Told once an ack is through, or has failed. */
type AckObserver<Held> = (held: Held, error?: unknown) => void
