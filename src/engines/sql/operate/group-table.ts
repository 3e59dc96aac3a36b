import { describe } from '../../../common/errors.js'
import { atMost } from '../../../common/wait.js'
import type { Group, GroupStore } from '../../../engine.js'
import type { GroupFilter, StartPosition } from '../../../options/options.js'
import type { SqlContext } from '../context.js'
import { portionOf } from '../database.js'
import type { Positions } from '../flow/positions.js'
import { countLag, deleteGroup, type ListedGroup, listGroups, seekGroup } from '../verbs/operate.js'

/** Longest that those who only count wait until what was published has its position, in milliseconds. */
const COUNT_MS = 1_000
/** Most events that one call counts, where that is done in pieces. */
const MOST_COUNTED = 100_000

/** The groups of a log, as the database keeps them. */
export class GroupTable implements GroupStore {
  readonly #context: SqlContext
  readonly #positions: Positions

  constructor(context: SqlContext, positions: Positions) {
    this.#context = context
    this.#positions = positions
  }

  /** Gives positions to what was published before: a lag counts that, and the last position agrees with it. */
  async list({ channel, group }: GroupFilter): Promise<readonly Group[]> {
    await this.#giveAll()
    const groups: Group[] = []
    for (const listed of await this.#context.database.run(listGroups(channel ?? null, group ?? null))) {
      const lag = listed.lag ?? (await this.#countLag(listed))
      const group: Group = { ...listed, lag }
      groups.push(group)
    }
    return groups
  }

  /** A piece at a time, where the database answers in the same tick and counting a long log would hold up the event loop. */
  async #countLag({ channel, group, position }: ListedGroup): Promise<number> {
    const { database } = this.#context
    let after = position
    for (let lag = 0; ; ) {
      const limit = portionOf(database, countLag, MOST_COUNTED)
      const piece = await database.run(countLag(channel, group, after, limit))
      lag += piece.lag
      if (piece.counted < limit) return lag
      after = piece.position
    }
  }

  async seek(group: string, to: StartPosition, channel: string | undefined): Promise<readonly string[]> {
    const position = await this.#positions.resolve(to)
    return this.#context.database.run(seekGroup(channel ?? null, group, position))
  }

  async delete(group: string, channel: string | undefined): Promise<readonly string[]> {
    return this.#context.database.run(deleteGroup(channel ?? null, group))
  }

  /** As far as it goes: where others are at it, or the database takes no writes, there is still something to count. */
  async #giveAll(): Promise<void> {
    try {
      await atMost(COUNT_MS, this.#positions.giveAll(COUNT_MS))
    } catch (error) {
      const { logger } = this.#context.options
      logger.warn('counting a log whose newest events could not be given positions', { error: describe(error) })
    }
  }
}
