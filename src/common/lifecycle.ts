import { ClosedError } from './errors.js'
import type { Logger } from './logger.js'
import { atMost, handled } from './wait.js'

/** Longest that closing waits for the engine after the drain, and then for what was broken off, in milliseconds. */
const ENGINE_MS = 4_000
const BROKEN_OFF_MS = 1_000

/** How a channel ends. */
interface Ending {
  /** First: nothing more is handed out, what is in hand may be settled and published. */
  drain(drainMs: number): Promise<unknown>
  /** Then, when nothing can be settled any more: each step when the one before is done. */
  readonly letGo: readonly ((() => Promise<unknown>) | AsyncDisposable)[]
  /** Where the engine does not answer: rejects what has not been sent, and waits for nothing that was. */
  readonly abandon: readonly ((error: ClosedError) => void)[]
}

/** The life of a channel object: open, then closing while it drains, then closed. */
export class Lifecycle {
  readonly #logger: Logger
  readonly #ending: Ending
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closing: Promise<void> | undefined

  constructor(logger: Logger, ending: Ending) {
    this.#logger = logger
    this.#ending = ending
  }

  /** Why nothing can be begun, settled or asked any more; `undefined` where it can. */
  readonly refusal = (): ClosedError | undefined => (this.#state === 'closed' ? closed() : undefined)

  /** @throws {ClosedError} once nothing may begin any more */
  readonly assertOpen = (): void => {
    if (this.#state !== 'open') throw closed()
  }

  /** @throws {ClosedError} once nothing can be settled or asked any more */
  readonly assertNotClosed = (): void => {
    if (this.#state === 'closed') throw closed()
  }

  /** Idempotent. */
  close(drainMs: number): Promise<void> {
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  async #close(drainMs: number): Promise<void> {
    this.#state = 'closing'
    await this.#ending.drain(drainMs)
    const lettingGo = this.#letGo()
    this.#state = 'closed'
    await lettingGo
  }

  /** Lets go of the engine, within bounds: of one that does not answer, too. */
  async #letGo(): Promise<void> {
    const { letGo, abandon } = this.#ending
    const all = async () => {
      for (const step of letGo) await (typeof step === 'function' ? step() : step[Symbol.asyncDispose]())
      return true
    }
    const done = handled(all())
    if (await atMost(ENGINE_MS, done)) return
    this.#logger.warn('the database does not answer: the channel closes without it')
    const error = new ClosedError('the channel closed before this was sent: nothing was published')
    for (const each of abandon) each(error)
    await atMost(BROKEN_OFF_MS, done).catch(() => undefined)
  }
}

function closed(): ClosedError {
  return new ClosedError('the channel is closed: open another one')
}
