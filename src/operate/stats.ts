import { UnsupportedError } from '../common/errors.js'
import type { ChannelStats, Operator } from '../engine.js'
import { resolveChannels } from '../options/names.js'
import type { BackendName } from '../options/options.js'

/**
 * One row a channel: how many events are in which stage of life.
 * @param channel the one to count; all where it is undefined
 * @throws {UnsupportedError} where the backend stores nothing
 */
export async function countEvents(
  { stats }: Operator,
  backend: BackendName,
  channel: string | undefined,
): Promise<readonly ChannelStats[]> {
  const [name] = channel === undefined ? [] : resolveChannels(channel)
  if (stats !== undefined) return stats(name)
  throw new UnsupportedError(`backend '${backend}' stores nothing to count: open with backend: 'queue'`)
}
