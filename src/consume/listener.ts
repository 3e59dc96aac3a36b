import { randomUUID } from 'node:crypto'
import PQueue from 'p-queue'
import { isCalledFrom } from '../common/called-from.js'
import { ClosedError, describe } from '../common/errors.js'
import type { Logger } from '../common/logger.js'
import { backoffMs } from '../common/retry.js'
import type { Telemetry } from '../common/telemetry.js'
import { atMost, Background, type Deferred, defer, detach, handled, nextTurn } from '../common/wait.js'
import type { EventMessage } from '../event.js'
import type { StopOptions } from '../options/options.js'
import { type ResolvedListenOptions, resolveStopOptions } from '../options/resolve.js'
import type { Capacity } from './demand.js'
import type { Message } from './message.js'
import { RateLimit } from './rate-limit.js'
import type { Subscription } from './subscription.js'

/** What `listen` calls for each event; a promise that it returns is awaited, any other value ignored. */
export type Handler<Event extends EventMessage = EventMessage> = (event: Event) => unknown

/** What a listener needs of the channel object it belongs to. */
export interface ListenerContext {
  readonly telemetry: Telemetry
  readonly logger: Logger
  subscribe(capacity: Capacity): Subscription
  onStopped(listener: Listener): void
  /** It cannot go on. */
  onFailed(listener: Listener, error: unknown): void
  /** Its owner stops it, and so knows if it had failed. */
  onStop(listener: Listener): void
}

/** How many handlers may start. */
class Places implements Capacity {
  readonly #queue: PQueue
  readonly #rate: RateLimit | undefined

  constructor(queue: PQueue, rate: RateLimit | undefined) {
    this.#queue = queue
    this.#rate = rate
  }

  get free(): number {
    const { concurrency, pending, size } = this.#queue
    const places = concurrency - pending - size
    return this.#rate === undefined ? places : Math.min(places, this.#rate.available)
  }
}

/**
 * Calls a handler for each event, `concurrency` at a time. An event is acked when its handler returns, and nacked with a
 * growing delay when it throws, until its attempts are used up and it becomes a dead letter.
 */
export class Listener implements AsyncDisposable {
  /** For `stopListener`. */
  readonly id = randomUUID()
  /** Resolves once what is published from now on will arrive. */
  readonly ready: Promise<void>
  /** Rejects when the listener cannot go on. Need not be handled: it is logged in any case. */
  readonly failed: Promise<never>
  readonly #context: ListenerContext
  readonly #handler: Handler
  readonly #options: ResolvedListenOptions
  readonly #queue: PQueue
  readonly #rate: RateLimit | undefined
  readonly #stopping = new AbortController()
  readonly #subscription: Subscription
  readonly #running: Promise<void>
  readonly #acks = new Background()
  /** Handlers that run, until what they handled is given back where they threw. */
  #handling = 0
  /** Of these, the ones that wait for `stop`. */
  #selfStopping = 0
  #returned: Deferred<void> | undefined
  #ending: Promise<void> | undefined

  /** @internal */
  constructor(context: ListenerContext, handler: Handler, options: ResolvedListenOptions) {
    // Tells `stop` by whom it is called.
    Object.defineProperty(this.#handle, 'name', { value: `rowcast listener ${this.id}` })
    this.#context = context
    this.#handler = handler
    this.#options = options
    const { concurrency, rateLimit } = options
    this.#rate = rateLimit && new RateLimit(rateLimit)
    this.#queue = new PQueue({ concurrency })
    this.#subscription = context.subscribe(new Places(this.#queue, this.#rate))
    this.#queue.on('next', () => this.#subscription.poke())
    this.ready = this.#subscription.ready
    const failed = defer<never>()
    this.failed = handled(failed.promise)
    this.#running = this.#run().catch((error: unknown) => {
      context.onFailed(this, error)
      failed.reject(error)
    })
    // One that ends by itself, by its signal or since it cannot go on, is over as if it had been stopped.
    detach(this.#running.then(() => this.end()))
  }

  /**
   * Takes no more events, and resolves when every handler that was started has returned and its event is settled; or after
   * `drainMs`, with a warning: they go on. A handler that awaits it waits for the others, not for itself.
   */
  async stop(options?: StopOptions): Promise<void> {
    const { drainMs } = resolveStopOptions(options)
    this.#context.onStop(this)
    const done = isCalledFrom(this.#handle.name) ? this.#othersDone() : this.end()
    const inTime = await atMost(
      drainMs,
      done.then(() => true),
    )
    if (inTime) return
    const details = { id: this.id, handlers: this.#handling, drainMs }
    this.#context.logger.warn('a listener was stopped while handlers still run', details)
  }

  /** @internal The same, for as long as it takes. */
  end(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #run(): Promise<void> {
    if (!(await this.#isLive())) return
    this.#context.telemetry.happened('listenerStarted')
    try {
      for (let message = await this.#take(); message; message = await this.#take()) {
        const first = message
        const work = this.#queue.add(() => this.#work(first)).catch(() => undefined)
        // Handlers that return within the turn have their places back by then. What is stored can wait for it; what is not
        // may come faster, and is asked for as soon as all that was there is handled.
        await (first.isStored ? nextTurn() : Promise.race([work, nextTurn()]))
        if (this.#queue.size > 0) await this.#queue.onSizeLessThan(1)
      }
    } finally {
      this.#context.telemetry.happened('listenerStopped')
    }
  }

  /** The next event, once one may start: until then it is not claimed, so that another process can have it. */
  async #take(): Promise<Message | undefined> {
    await this.#rate?.allowed(this.#stopping.signal)
    return this.#subscription.take()
  }

  /** `false`: it was stopped before. */
  async #isLive(): Promise<boolean> {
    try {
      await this.ready
      return true
    } catch (error) {
      if (error instanceof ClosedError) return false
      throw error
    }
  }

  async #end(): Promise<void> {
    this.#stopping.abort()
    await this.#subscription.close()
    await this.#running
    await this.#queue.onIdle()
    await this.#acks.drained()
    this.#subscription.leave()
    this.#context.onStopped(this)
  }

  /** For a handler: all but those that wait for the same have returned. */
  async #othersDone(): Promise<void> {
    detach(this.end())
    this.#selfStopping++
    this.#tellReturned()
    while (this.#handling > this.#selfStopping) {
      this.#returned ??= defer()
      await this.#returned.promise
    }
    await this.#acks.drained()
    this.#selfStopping--
  }

  #tellReturned(): void {
    this.#returned?.resolve()
    this.#returned = undefined
  }

  async #work(first: Message): Promise<void> {
    const mayStart = this.#rate === undefined || (await this.#rate.start(this.#stopping.signal))
    // What still waited for a place when the listener was stopped, or its lease ended, is for another consumer.
    const isForOthers = !mayStart || this.#ending !== undefined || first.isStale
    if (isForOthers) await first.release().catch((error) => this.#giveUp(first, error))
    else await this.#handle(first)
  }

  /** None while an event waits for a place, or where each must wait for the rate limit. */
  #takeNow(): Message | undefined {
    const isFree = this.#queue.size === 0 && this.#rate === undefined
    return isFree ? this.#subscription.takeNow() : undefined
  }

  /** Handles an event, and then those that are there already: a place in the queue costs more than a short handler. */
  readonly #handle = async (first: Message): Promise<void> => {
    for (let message: Message | undefined = first; message; message = this.#takeNow()) {
      this.#handling++
      const startedMs = this.#context.telemetry.handling()
      try {
        await this.#handler(message)
        this.#noteHandled(message, startedMs)
        this.#onReturned(message)
      } catch (error) {
        this.#noteHandled(message, startedMs, { value: error })
        await this.#giveBack(message, error)
      }
      this.#handling--
      this.#tellReturned()
    }
  }

  #noteHandled(message: Message, startedMs: number | undefined, error?: { readonly value: unknown }): void {
    this.#context.telemetry.handled(message, this.#options.group ?? null, startedMs, error)
  }

  #onReturned(message: Message): void {
    if (this.#options.autoAck && !message.isSettled) {
      this.#acks.begin()
      message.ackAside(this.#onAcked)
    }
    message.finish()
  }

  #giveUp(message: Message, error: unknown): void {
    message.giveUp()
    this.#warn(message, error)
  }

  #warn({ id, channel }: Message, error: unknown): void {
    this.#context.logger.warn('an event could not be settled', { id, channel, error: describe(error) })
  }

  /** The handler's place was free at once: acks of many travel together, and need not wait for each other. */
  #onAcked = (message: Message, error?: unknown) => {
    this.#acks.end()
    if (error !== undefined) this.#warn(message, error)
  }

  async #giveBack(message: Message, error: unknown): Promise<void> {
    const { id, channel, attempts } = message
    const reason = describe(error ?? `the handler threw ${error}`)
    // Not the error itself: drivers hang statements and their values on theirs.
    const stack = error instanceof Error ? error.stack : undefined
    this.#context.logger.debug('a handler failed', { id, channel, attempts, error: reason, stack })
    if (message.isSettled) return
    try {
      if (attempts >= this.#options.maxAttempts) await message.deadLetter(reason)
      else await message.nack({ delayMs: this.#delayMs(attempts), error: reason })
    } catch (failure) {
      this.#giveUp(message, failure)
    }
  }

  #delayMs(attempts: number): number {
    try {
      return this.#options.backoff(attempts)
    } catch (error) {
      this.#context.logger.warn('the backoff function failed, the default is used', { error: describe(error) })
      return backoffMs(attempts)
    }
  }
}
