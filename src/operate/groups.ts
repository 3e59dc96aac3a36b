import { ConfigurationError, UnsupportedError } from '../common/errors.js'
import type { Group, GroupStore, Operator } from '../engine.js'
import { checkChannelName, checkName } from '../options/names.js'
import type { BackendName, GroupFilter, StartPosition } from '../options/options.js'
import { resolveGroupFilter, resolveStartPosition } from '../options/resolve.js'

/** The named readers of a log, and how far each has read. */
export class Groups {
  readonly #operator: Operator
  readonly #backend: BackendName
  readonly #assertNotClosed: () => void

  constructor(operator: Operator, backend: BackendName, assertNotClosed: () => void) {
    this.#operator = operator
    this.#backend = backend
    this.#assertNotClosed = assertNotClosed
  }

  /** One row for each group and channel, in that order. Counts rows: not for every second. */
  async list(filter?: GroupFilter): Promise<readonly Group[]> {
    const { channel, group } = resolveGroupFilter(filter)
    if (channel !== undefined) checkChannelName(channel)
    if (group !== undefined) checkName('group', group)
    return this.#store.list({ channel, group })
  }

  /** How far a group has read one channel; `undefined` when it never has. */
  async get(group: string, channel: string): Promise<Group | undefined> {
    const [found] = await this.list({ group, channel })
    return found
  }

  /**
   * Moves a group that nobody reads for: what comes after the position is delivered next, again or for the first time.
   * @param options.channel the one channel to move it on; by default all that it reads
   * @throws {ConfigurationError} when there is no such group, somebody reads for it, or the position is beyond the last event
   */
  async seek(group: string, to: StartPosition, options: Pick<GroupFilter, 'channel'> = {}): Promise<void> {
    const position = resolveStartPosition('groups.seek', to)
    await this.#change(group, options, (channel) => this.#store.seek(group, position, channel))
  }

  /**
   * Forgets a group that nobody reads for. Its dead letters stay.
   * @param options.channel the one channel to forget it on; by default all that it reads
   * @throws {ConfigurationError} when there is no such group, or somebody reads for it
   */
  async delete(group: string, options: Pick<GroupFilter, 'channel'> = {}): Promise<void> {
    await this.#change(group, options, (channel) => this.#store.delete(group, channel))
  }

  get #store(): GroupStore {
    this.#assertNotClosed()
    const { groups } = this.#operator
    if (groups !== undefined) return groups
    throw new UnsupportedError(`backend '${this.#backend}' has no groups: open with backend: 'log'`)
  }

  async #change(
    group: string,
    options: Pick<GroupFilter, 'channel'>,
    change: (channel: string | undefined) => Promise<readonly string[]>,
  ): Promise<void> {
    const { channel } = resolveGroupFilter(options)
    const before = await this.list({ group, channel })
    if (before.length === 0) {
      throw new ConfigurationError(`groups: there is no group ${JSON.stringify(group)}: see groups.list()`)
    }
    const active = before.find(({ consumer }) => consumer !== null)
    const changed = active === undefined ? await change(channel) : []
    if (changed.length === before.length) return
    throw new ConfigurationError(
      `groups: ${active?.consumer ?? 'somebody'} reads for ${JSON.stringify(group)} now: close its members first`,
    )
  }
}
