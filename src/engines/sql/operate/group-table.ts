import { ConfigurationError, describe } from '../../../common/errors.js'
import { atMost } from '../../../common/wait.js'
import type { Group, GroupFilter, GroupStore } from '../../../engine.js'
import type { StartPosition } from '../../../options/options.js'
import type { SqlContext } from '../context.js'
import { portionOf, type Row } from '../database.js'
import type { Sequencer } from './sequencer.js'

/** Longest that those who only count wait until what was published has its position, in milliseconds. */
const COUNT_MS = 1_000
/** Most events that one call counts, where that is done in pieces. */
const MOST_COUNTED = 100_000

/** The groups of a log, as the database keeps them. */
export class LogGroups implements GroupStore {
  readonly #context: SqlContext
  readonly #sequencer: Sequencer

  constructor(context: SqlContext, sequencer: Sequencer) {
    this.#context = context
    this.#sequencer = sequencer
  }

  /** Gives positions to what was published before: a lag counts that, and the last position agrees with it. */
  async list({ channel, group }: GroupFilter): Promise<readonly Group[]> {
    await this.#settle()
    const filter = { channel: channel ?? null, consumer_group: group ?? null }
    const groups: Group[] = []
    for (const row of await this.#context.database.run('list_groups', filter)) {
      groups.push(toGroup(row.lag === null ? { ...row, lag: await this.#countLag(row) } : row))
    }
    return groups
  }

  /** A piece at a time, where the database answers in the same tick and counting a long log would hold up the event loop. */
  async #countLag({ channel, consumer_group, position }: Row): Promise<number> {
    const { database } = this.#context
    const parameters = { channel: String(channel), consumer_group: String(consumer_group) }
    let after = Number(position)
    for (let lag = 0; ; ) {
      const limit = portionOf(database, 'count_lag', MOST_COUNTED)
      const [row] = await database.run('count_lag', { ...parameters, after, limit })
      lag += Number(row?.lag)
      if (Number(row?.counted) < limit) return lag
      after = Number(row?.position)
    }
  }

  async seek(group: string, to: StartPosition, channel: string | undefined): Promise<readonly string[]> {
    const position = await resolvePlace(this.#sequencer, to)
    const rows = await this.#context.database.run('seek_group', {
      channel: channel ?? null,
      consumer_group: group,
      position,
    })
    return rows.map((row) => String(row.channel))
  }

  async delete(group: string, channel: string | undefined): Promise<readonly string[]> {
    const rows = await this.#context.database.run('delete_group', { channel: channel ?? null, consumer_group: group })
    return rows.map((row) => String(row.channel))
  }

  /** As far as it goes: where others are at it, or the database takes no writes, there is still something to count. */
  async #settle(): Promise<void> {
    try {
      await atMost(COUNT_MS, this.#sequencer.settle(COUNT_MS))
    } catch (error) {
      const { logger } = this.#context.options
      logger.warn('counting a log whose newest events could not be given positions', { error: describe(error) })
    }
  }
}

/**
 * The position of a place.
 * @throws {ConfigurationError} when it lies beyond the last event
 */
export async function resolvePlace(sequencer: Sequencer, place: StartPosition): Promise<number> {
  if (place === 'earliest' || place === 0) return 0
  const head = await sequencer.settle()
  if (place === 'latest') return head
  if (place > head) throw new ConfigurationError(`position ${place} is beyond the last event, which has ${head}`)
  return place
}

function toGroup(row: Row): Group {
  return {
    group: String(row.consumer_group),
    channel: String(row.channel),
    position: Number(row.position),
    lag: Number(row.lag),
    consumer: row.consumer === null ? null : String(row.consumer),
  }
}
