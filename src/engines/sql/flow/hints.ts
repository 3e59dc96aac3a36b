import { ClosedError, ConnectionError, describe } from '../../../common/errors.js'
import { backoffMs } from '../../../common/retry.js'
import { SingleFlight } from '../../../common/single-flight.js'
import { atMost, detach, sleep } from '../../../common/wait.js'
import type { SqlContext } from '../context.js'
import type { NotificationHandlers, NotificationListener } from '../database.js'

/** Opens what notifications arrive on. */
type Listen = (handlers: NotificationHandlers) => NotificationListener

interface HintHandlers {
  onHint(topic: string): void
  /** For now no hints come; told again for as long as that lasts, perhaps. */
  onSilence(): void
  /** Hints come again; some may have been missed. */
  onReturn(): void
}

/** Longest that a subscription waits for its hints, in milliseconds; then it goes on without, and polls. */
const PATIENCE_MS = 5_000

/**
 * Hints by notification, for subscriptions that poll as well. Where there are none, because LISTEN does not work, because
 * its connection cannot be made or is being made anew, polling stands in; never for good. What was refused is asked for again
 * in the background, sooner where the connection failed, later where LISTEN itself does not work.
 */
export class Hints implements AsyncDisposable {
  readonly #context: SqlContext
  readonly #handlers: HintHandlers
  readonly #listener: NotificationListener
  readonly #topics = new Set<string>()
  readonly #closed = new AbortController()
  #isLost = false
  readonly #restoring = new SingleFlight()

  constructor(context: SqlContext, listen: Listen, handlers: HintHandlers) {
    this.#context = context
    this.#handlers = handlers
    this.#listener = listen({
      onNotification: (topic) => handlers.onHint(topic),
      onLost: () => {
        this.#isLost = true
        handlers.onSilence()
      },
      onReconnect: () => {
        this.#isLost = false
        context.telemetry.happened('reconnected')
        handlers.onReturn()
      },
    })
  }

  /** Resolves once hints about these topics arrive, or once it is clear that for now they do not. */
  async follow(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#topics.add(topic)
    // What is asked for again then brings these in, too.
    if (this.#restoring.isUnderWay) return
    const asked = this.#ask(topics)
      .catch((error: unknown) => this.#fallBack(error))
      .then(() => true as const)
    if (await atMost(this.#isLost ? 0 : PATIENCE_MS, asked)) return
    this.#handlers.onSilence()
    detach(asked.then(() => this.#noteLate()))
  }

  leave(topics: readonly string[]): void {
    for (const topic of topics) {
      this.#topics.delete(topic)
      this.#listener.remove(topic)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
    await this.#listener[Symbol.asyncDispose]()
    await this.#restoring.landed()
  }

  async #ask(topics: Iterable<string>): Promise<void> {
    await Promise.all([...topics].map((topic) => this.#listener.add(topic)))
  }

  /** What was asked for longer than patience lasts was answered. */
  #noteLate(): void {
    if (!this.#restoring.isUnderWay && !this.#isLost) this.#handlers.onReturn()
  }

  #fallBack(error: unknown): void {
    if (this.#restoring.isUnderWay || error instanceof ClosedError) return
    this.#context.telemetry.happened('fallback')
    this.#context.options.logger.warn('no wake-ups from the database, polling instead', { reason: describe(error) })
    this.#handlers.onSilence()
    this.#restoring.begin(() => this.#restore(error))
  }

  async #restore(reason: unknown): Promise<void> {
    const { logger } = this.#context.options
    let error = reason
    for (let attempt = 1; ; attempt++) {
      await sleep(pauseMs(error, attempt), this.#closed.signal)
      try {
        // What was followed meanwhile did not ask.
        for (let asked = 0; asked < this.#topics.size; ) {
          asked = this.#topics.size
          await this.#ask(this.#topics)
        }
        this.#restoring.end()
        // All have left meanwhile, and nothing was asked; the next subscription does.
        if (this.#topics.size === 0) return
        logger.info('wake-ups from the database work again', { attempts: attempt })
        this.#handlers.onReturn()
        return
      } catch (again) {
        if (again instanceof ClosedError || this.#closed.signal.aborted) {
          this.#restoring.end()
          return
        }
        error = again
        logger.debug('still no wake-ups from the database', { reason: describe(error) })
      }
    }
  }
}

/** A pooler is not taken out of the way in a second, and each try costs a connection and a few notifications. */
function pauseMs(error: unknown, attempt: number): number {
  if (error instanceof ConnectionError) return 50 + backoffMs(attempt, { minMs: 100, maxMs: 5_000 })
  return 5_000 + backoffMs(attempt, { minMs: 10_000, maxMs: 300_000 })
}
