import { ConfigurationError, UnsupportedError } from '../common/errors.js'
import type { DeadLetter, DeadLetterStore, Operator } from '../engine.js'
import type { EventId } from '../event.js'
import { checkChannelName, isEventId } from '../options/names.js'
import type { BackendName, DeadLetterPage } from '../options/options.js'
import { resolveDiscard, resolvePage } from '../options/resolve.js'

/** Which dead letters: all of a channel. */
export interface DeadLetterFilter {
  readonly channel: string
}

/** Letters handled in one statement. */
const BATCH = 500

/**
 * What was set aside, for a person to look at and decide on. Each method rejects with a `ConfigurationError` when it is asked
 * for something that cannot be, an `UnsupportedError` where the backend sets nothing aside, a `ClosedError` after `close()`.
 */
export class DeadLetters {
  readonly #operator: Operator
  readonly #backend: BackendName
  readonly #assertNotClosed: () => void

  constructor(operator: Operator, backend: BackendName, assertNotClosed: () => void) {
    this.#operator = operator
    this.#backend = backend
    this.#assertNotClosed = assertNotClosed
  }

  /**
   * One page, in the order of their ids, oldest event first.
   * @param page all channels, 100 letters, the first page, unless it says otherwise
   * @see sql/postgres/operate/list_dead_letters.sql
   */
  async list(page?: DeadLetterPage): Promise<readonly DeadLetter[]> {
    const resolved = resolvePage(page)
    if (resolved.channel !== undefined) checkChannelName(resolved.channel)
    return this.#store.list(resolved)
  }

  /** One letter by the id of its event; `undefined` when there is none. */
  async get(id: EventId): Promise<DeadLetter | undefined> {
    return this.#store.get(checkId(id))
  }

  /**
   * Delivers again, from the first attempt on; without their dedupe keys. Returns how many there were.
   * @param which the id of an event, or all of a channel
   * @see sql/postgres/operate/retry_dead_letters.sql
   */
  async retry(which: EventId | DeadLetterFilter): Promise<number> {
    return this.#each(which, (letters) => this.#store.retry(letters))
  }

  /**
   * Drops for good; with retention they stay in history for a while, with the reason. Returns how many there were.
   * @param which the id of an event, or all of a channel
   * @see sql/postgres/operate/discard_dead_letters.sql
   */
  async discard(which: EventId | DeadLetterFilter, options: { readonly reason: string }): Promise<number> {
    const { reason } = resolveDiscard(options)
    return this.#each(which, (letters) =>
      this.#store.discard(
        letters.map(({ id }) => id),
        reason,
      ),
    )
  }

  get #store(): DeadLetterStore {
    this.#assertNotClosed()
    const { deadLetters } = this.#operator
    if (deadLetters !== undefined) return deadLetters
    throw new UnsupportedError(`backend '${this.#backend}' sets nothing aside: open with backend: 'queue'`)
  }

  async #each(
    which: EventId | DeadLetterFilter,
    act: (letters: readonly DeadLetter[]) => Promise<number>,
  ): Promise<number> {
    if (typeof which === 'string') {
      const letter = await this.get(which)
      return letter === undefined ? 0 : act([letter])
    }
    checkFilter(which)
    let count = 0
    let after: EventId | undefined
    for (;;) {
      const page: readonly DeadLetter[] = await this.#store.list({ channel: which.channel, limit: BATCH, after })
      if (page.length > 0) count += await act(page)
      after = page.at(-1)?.id
      if (page.length < BATCH) return count
    }
  }
}

function checkId(id: unknown): EventId {
  if (isEventId(id)) return id
  throw new ConfigurationError(`deadLetters: ${JSON.stringify(id)?.slice(0, 80)} is not the id of an event`)
}

function checkFilter(filter: unknown): asserts filter is DeadLetterFilter {
  const keys = typeof filter === 'object' && filter !== null ? Object.keys(filter) : []
  if (keys.length !== 1 || keys[0] !== 'channel') {
    throw new ConfigurationError('deadLetters: pass the id of an event or { channel }')
  }
  checkChannelName((filter as DeadLetterFilter).channel)
}
