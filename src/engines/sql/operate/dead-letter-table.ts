import type { DeadLetter, DeadLetterStore } from '../../../engine.js'
import type { EventId } from '../../../event.js'
import type { ResolvedPage } from '../../../options/resolve.js'
import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import { portions } from '../flow/pieces.js'
import { topicsOf } from '../flow/topics.js'
import { discardDeadLetters, listDeadLetters, retryDeadLetters, retryGroupDeadLetters } from '../verbs/operate.js'

/** Most letters of one event: one for each group that gave up on it. */
const MOST_GROUPS = 10_000

/** The dead letters of a queue, or those of a log's groups, as the database keeps them. */
export class DeadLetterTable implements DeadLetterStore {
  readonly #context: SqlContext
  readonly #ofGroups: boolean
  readonly #topicOf: (channel: string) => string

  constructor(context: SqlContext, of: 'queue' | 'log') {
    this.#context = context
    this.#ofGroups = of === 'log'
    this.#topicOf = topicsOf(context.options.schema, of)
  }

  async list({ channel, after, limit }: ResolvedPage): Promise<readonly DeadLetter[]> {
    const letters: DeadLetter[] = []
    while (letters.length < limit) {
      const most = portionOf(this.#context.database, listDeadLetters, limit - letters.length)
      const part = await this.#page(channel ?? null, letters.at(-1)?.id ?? after ?? null, most)
      for (const letter of part) letters.push(letter)
      if (part.length < most) break
    }
    return letters
  }

  async #page(channel: string | null, after: EventId | null, limit: number): Promise<readonly DeadLetter[]> {
    const page = await this.#select({ channel, id: null, after, limit })
    const last = page.at(-1)
    if (!this.#ofGroups || last === undefined || page.length < limit) return page
    // The next page begins after this event, so that its letters of other groups belong here.
    const ofLast = await this.#select({ channel: null, id: last.id, after: null, limit: MOST_GROUPS })
    return [...page.filter(({ id }) => id !== last.id), ...ofLast]
  }

  async get(id: EventId): Promise<DeadLetter | undefined> {
    const [letter] = await this.#select({ channel: null, id, after: null, limit: 1 })
    return letter
  }

  async retry(letters: readonly Pick<DeadLetter, 'id' | 'channel'>[]): Promise<number> {
    const channels = new Set(letters.map(({ channel }) => channel))
    const { database, returns } = this.#context
    const topics = database.listen === undefined ? [] : [...channels].map(this.#topicOf)
    const verb = this.#ofGroups ? retryGroupDeadLetters : retryDeadLetters
    // An event may be a dead letter of several groups.
    const ids = [...new Set(letters.map(({ id }) => id))]
    let count = 0
    for (const part of portions(database, verb, ids)) {
      count += await database.run(verb(part, topics))
    }
    for (const channel of channels) returns.tell(channel)
    return count
  }

  async discard(ids: readonly EventId[], reason: string): Promise<number> {
    // An event of the log is in the log still.
    const keepHistory = !this.#ofGroups && this.#context.options.retentionMs > 0
    const { database } = this.#context
    let count = 0
    for (const part of portions(database, discardDeadLetters, ids)) {
      count += await database.run(discardDeadLetters(part, { reason, keepHistory, ofGroups: this.#ofGroups }))
    }
    return count
  }

  #select(page: Readonly<Record<'channel' | 'id' | 'after', string | null>> & { limit: number }) {
    return this.#context.database.run(listDeadLetters({ ...page, ofGroups: this.#ofGroups }))
  }
}
