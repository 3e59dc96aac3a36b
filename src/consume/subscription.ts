import { onAbort } from '../common/abort-signals.js'
import { ClosedError, describe } from '../common/errors.js'
import { isStale } from '../common/lease.js'
import { Outage, throughOutage } from '../common/outage.js'
import { detach, handled, nextTurn, unlessAborted } from '../common/wait.js'
import type { Inbox } from '../engine.js'
import type { Delivery, EventMessage } from '../event.js'
import type { ResolvedSubscribeOptions } from '../options/resolve.js'
import { Decoder, type DecoderContext } from './decoder.js'
import { type Capacity, Demand } from './demand.js'
import { Loop } from './loop.js'
import type { Message, MessageOwner } from './message.js'
import { Prefetcher } from './prefetcher.js'

/** Most events handed out before the event loop turns; of those that are stored, and so can wait. */
const BURST = 500

/** What a subscription needs of the channel object it belongs to. */
export interface SubscriptionContext extends DecoderContext {
  /** Throws once nothing can be settled any more. */
  assertOpen(): void
  /** A message is in a consumer's hands, or is not any more. */
  onHandedOut(message: Message): void
  onSettled(message: Message): void
  /** Its consumer has gone; `others` are the messages that further loops over it still work on. */
  onLeft(others: ReadonlySet<unknown>): void
  onStopped(subscription: Subscription): void
}

/*
 * A subscription is always in one of five states:
 *
 *     opening ── the backend has subscribed ──→ live ── its consumer asks ──→ fetching
 *        │                                       │                              │
 *        └───────────────────────────────────────┴──────────────────────────────┴──→ closing ── all given back ──→ closed
 *
 * - opening: `#pump` waits for the inbox, through outages of the database. Its consumer may ask already, and waits.
 * - live: `ready` has resolved. It fetches nothing before its consumer asks: other consumers can have the events.
 * - fetching: the `Prefetcher` takes what is demanded and a little ahead from the inbox into the buffer, and `#serve` decodes the
 *   first of the buffer and hands it out. Only one `#serve` runs at a time, so that events keep their order; a listener takes
 *   the first by itself (`takeNow`) only while none runs.
 * - closing: its consumer closed it or left the loop, its signal aborted, the channel closes, or it cannot go on (`#fail`). A
 *   consumer that waits hears of the end or the error at once. When the takes under way are over, `#stop` releases what is in the
 *   buffer, and lets go of the inbox; one that the backend brings only later is let go of then.
 * - closed: the channel is told (`onStopped`). A consumer that asks hears of the end, or gets the error again.
 *
 * An event is the subscription's until it leaves the buffer, and its consumer's from then on, also after the end.
 */

/**
 * Events of some channels, one after the other. Listening starts when it is made; claiming starts when somebody asks for
 * the first event. Leaving a `for await` loop closes it: what was fetched but not handed out goes back at once.
 *
 * ```ts
 * for await (const event of channel.subscribe('orders')) {
 *   await ship(event.payload)
 *   await event.ack()
 * }
 * ```
 */
export class Subscription<Event extends EventMessage = EventMessage> implements AsyncIterable<Event>, AsyncDisposable {
  /**
   * Resolves once what is published from now on will arrive, however long the database is away; rejects when that cannot be,
   * or when it is closed before.
   */
  readonly ready: Promise<void>
  readonly #context: SubscriptionContext
  readonly #options: ResolvedSubscribeOptions
  readonly #outage: Outage
  readonly #stopping = new AbortController()
  readonly #demand: Demand<Message>
  readonly #buffer: Delivery[] = []
  /** Those who iterate: mostly one. */
  readonly #loops = new Set<Loop<Event>>()
  /** There from before the first event is fetched. */
  #decoder!: Decoder
  #prefetcher: Prefetcher | undefined
  /** The first of the buffer, while its schema takes time. */
  #decoding: Promise<Message | undefined> | undefined
  /** Events handed out in this turn of the event loop, or a few. */
  #handedOut = 0
  #serving = false
  #failure: { error: unknown } | undefined
  /** The inbox, however late it comes: the backend may wait for its connection. */
  readonly #arriving: Promise<Inbox>
  /** The same, until the subscription is closed. */
  readonly #opening: Promise<Inbox>
  readonly #pumping: Promise<void>
  readonly #unfollow: (() => void) | undefined
  #stopped: Promise<void> | undefined

  /**
   * @param open subscribes at the backend
   * @param capacity of its consumer, where that handles several events at once
   * @internal
   */
  constructor(
    context: SubscriptionContext,
    options: ResolvedSubscribeOptions,
    open: () => Promise<Inbox>,
    capacity?: Capacity,
  ) {
    this.#context = context
    this.#options = options
    this.#outage = new Outage(context.logger, 'fetching events')
    this.#demand = new Demand(capacity)
    const { signal } = this.#stopping
    this.#arriving = handled(throughOutage(this.#outage, signal, open))
    this.#opening = handled(unlessAborted(signal, this.#arriving, closedEarly))
    this.ready = handled(this.#opening.then(() => undefined))
    this.#pumping = this.#pump()
    this.#unfollow = options.signal && onAbort(options.signal, () => detach(this.close()))
  }

  [Symbol.asyncIterator](): AsyncIterator<Event, undefined> {
    const loop: Loop<Event> = new Loop<Event>({
      next: () => this.take() as Promise<unknown> as Promise<Event | undefined>,
      end: () => this.#loops.delete(loop),
      leave: () => {
        this.leave()
        return this.close()
      },
      autoAck: this.#options.autoAck,
      logger: this.#context.logger,
    })
    this.#loops.add(loop)
    return loop
  }

  /** Ends it: no more events are handed out, those fetched go back at once. What is in hand can still be settled. */
  close(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal Its consumer has gone: what it has not settled is kept for as long as its lease lasts, and not extended. */
  leave(): void {
    this.#context.onLeft(new Set(Array.from(this.#loops, ({ last }) => last)))
  }

  /** @internal Events fetched and not handed out. */
  get buffered(): number {
    return this.#buffer.length
  }

  /** @internal The next event, with nothing said about the one before; `undefined` at the end. */
  take(): Promise<Message | undefined> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error)
    if (this.#stopping.signal.aborted) return Promise.resolve(undefined)
    const asking = this.#demand.ask()
    detach(this.#serve())
    return asking
  }

  /** @internal The next event if it can be handed out in this very turn. */
  takeNow(): Message | undefined {
    const delivery = this.#buffer[0]
    if (delivery === undefined || !this.#isIdle || isStale(delivery)) return
    const decoded = this.#decoder.decode(delivery)
    if (decoded instanceof Promise) {
      this.#decoding = decoded
      return
    }
    this.#buffer.shift()
    this.#noteHandOut(decoded)
    this.poke()
    return decoded
  }

  /** @internal The demand may have grown. */
  poke(): void {
    this.#prefetcher?.poke()
  }

  get #isIdle(): boolean {
    return !this.#serving && !this.#decoding && this.#handedOut < BURST && !this.#stopping.signal.aborted
  }

  async #pump(): Promise<void> {
    try {
      const inbox = await this.#opening
      this.#decoder = new Decoder(this.#context, this.#own(inbox))
      this.#prefetcher = this.#fetchFrom(inbox)
      await this.#prefetcher.run(this.#stopping.signal)
    } catch (error) {
      this.#fail(error)
    }
  }

  #fetchFrom(inbox: Inbox): Prefetcher {
    const taker = {
      demand: this.#demand,
      buffer: this.#buffer,
      accept: (deliveries: readonly Delivery[]) => this.#accept(deliveries),
      fail: (error: unknown) => this.#fail(error),
    }
    return new Prefetcher(inbox, taker, this.#options.prefetch, this.#outage)
  }

  #accept(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#buffer.push(delivery)
    detach(this.#serve())
  }

  /** Hands out what is buffered to those who wait, in order. */
  async #serve(): Promise<void> {
    if (this.#serving) return
    this.#serving = true
    while (this.#demand.isOpen) {
      const delivery = this.#buffer[0]
      if (delivery === undefined) break
      if (this.#handedOut >= BURST) await this.#otherTurns()
      const decoded = this.#decoding ?? (isStale(delivery) ? this.#giveBack(delivery) : this.#decoder.decode(delivery))
      // A promise only where a schema needs time.
      const message = decoded instanceof Promise ? await decoded : decoded
      this.#decoding = undefined
      // It counts as waiting until here; closing meanwhile gave it back, or is about to.
      if (this.#buffer[0] !== delivery || !this.#demand.isOpen) break
      this.#buffer.shift()
      if (message !== undefined) this.#handOut(message)
    }
    this.#serving = false
    this.poke()
  }

  /** Handlers that never wait would keep sockets and timers waiting: the next events, the acks, everybody else. */
  async #otherTurns(): Promise<void> {
    await nextTurn()
    this.#handedOut = 0
  }

  #noteHandOut(message: Message): void {
    if (message.isStored) this.#handedOut++
    this.#prefetcher?.onHandedOut(message)
    this.#context.onHandedOut(message)
    this.#context.telemetry.delivered(message, this.#options.group ?? null)
  }

  #handOut(message: Message): void {
    this.#noteHandOut(message)
    this.#demand.answer(message)
  }

  #giveBack(delivery: Delivery): undefined {
    detach(this.#opening.then((inbox) => inbox.settle(delivery, { type: 'release' })))
  }

  #own(inbox: Inbox): MessageOwner {
    const onSettled = (message: Message) => {
      this.#prefetcher?.onSettled()
      this.#context.onSettled(message)
    }
    const onDone = (message: Message) => this.#prefetcher?.onDone(message)
    return { inbox, assertOpen: this.#context.assertOpen, onDone, onSettled }
  }

  #fail(error: unknown): void {
    // Whoever closes the channel knows.
    if (this.#failure !== undefined || error instanceof ClosedError) return
    this.#failure = { error }
    this.#context.logger.error('a subscription cannot go on', { error: describe(error) })
    this.#demand.fail(error)
    detach(this.close())
  }

  async #stop(): Promise<void> {
    this.#unfollow?.()
    this.#stopping.abort()
    this.poke()
    this.#demand.end()
    await this.#pumping
    const inbox = await this.#opening.catch(() => undefined)
    if (inbox === undefined) {
      detach(this.#arriving.then((late) => late[Symbol.asyncDispose]()))
    } else {
      await Promise.allSettled(this.#buffer.splice(0).map((delivery) => inbox.settle(delivery, { type: 'release' })))
      await inbox[Symbol.asyncDispose]()
    }
    this.#context.onStopped(this as Subscription)
  }
}

function closedEarly(): ClosedError {
  return new ClosedError('the subscription was closed before it was live')
}
