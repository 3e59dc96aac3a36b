import type { DeadLetter, DeadLetterPage, DeadLetterStore } from '../../../engine.js'
import type { EventId, Metadata } from '../../../event.js'
import type { SqlContext } from '../context.js'
import { portionOf, type Row } from '../database.js'
import { portions } from '../flow/pieces.js'
import type { WakeUps } from '../flow/wake-ups.js'

/** Most letters of one event: one for each group that gave up on it. */
const MOST_GROUPS = 10_000

/** The dead letters of a queue, or those of a log's groups, as the database keeps them. */
export class DeadLetterTable implements DeadLetterStore {
  readonly #context: SqlContext
  readonly #wakeUps: WakeUps
  readonly #ofGroups: boolean

  constructor(context: SqlContext, wakeUps: WakeUps, of: 'queue' | 'log') {
    this.#context = context
    this.#wakeUps = wakeUps
    this.#ofGroups = of === 'log'
  }

  async list({ channel, after, limit }: DeadLetterPage & { limit: number }): Promise<readonly DeadLetter[]> {
    const letters: DeadLetter[] = []
    while (letters.length < limit) {
      const most = portionOf(this.#context.database, 'list_dead', limit - letters.length)
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
    const { database } = this.#context
    const verb = this.#ofGroups ? 'revive_dead' : 'retry_dead'
    // An event may be a dead letter of several groups.
    const ids = [...new Set(letters.map(({ id }) => id))]
    let count = 0
    for (const part of portions(database, verb, ids)) {
      count += (await database.run(verb, { ids: part, topics: this.#wakeUps.topicsOf(channels) })).length
    }
    for (const channel of channels) this.#wakeUps.returned(channel, 0)
    return count
  }

  async discard(ids: readonly EventId[], reason: string): Promise<number> {
    // An event of the log is in the log still.
    const keep_history = !this.#ofGroups && this.#context.options.retentionMs > 0
    const { database } = this.#context
    let count = 0
    for (const part of portions(database, 'discard_dead', ids)) {
      const parameters = { ids: part, reason, keep_history, of_groups: this.#ofGroups }
      count += (await database.run('discard_dead', parameters)).length
    }
    return count
  }

  async #select(page: Readonly<Record<'channel' | 'id' | 'after', string | null>> & { limit: number }) {
    return (await this.#context.database.run('list_dead', { ...page, of_groups: this.#ofGroups })).map(toDeadLetter)
  }
}

function toDeadLetter(row: Row): DeadLetter {
  return {
    id: String(row.id),
    channel: String(row.channel),
    group: row.consumer_group === '' ? null : String(row.consumer_group),
    payload: parseOrText(String(row.payload)),
    metadata: row.metadata === null ? {} : (parseOrText(String(row.metadata)) as Metadata),
    priority: Number(row.priority),
    attempts: Number(row.attempts),
    maxAttempts: Number(row.max_attempts),
    key: row.dedupe_key === null ? null : String(row.dedupe_key),
    error: String(row.error),
    createdAt: new Date(Number(row.created_at_ms)),
    diedAt: new Date(Number(row.died_at_ms)),
  }
}

/** A row that somebody else wrote need not hold JSON; a person who looks at dead letters wants to see it all the same. */
function parseOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
