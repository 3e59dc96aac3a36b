import { actorOf, bulk, draining, onStage, publishing, type Who } from '../entries.js'
import type { Entry, Line } from '../line.js'
import { rowcast } from './who.js'

/* How cost grows: with what is waiting, with the size of a payload, with the channels of one consumer. */

const BACKLOGS = [1_000, 10_000, 100_000, 1_000_000]
const SIZES = [100, 1_000, 10_000, 100_000]
const CHANNELS = [1, 4, 16]
/** Events drained from in front of a backlog. */
const TAKEN = 20_000

async function wait(stage: Parameters<Parameters<typeof onStage>[1]>[0], count: number): Promise<void> {
  await stage.place.sql(`
    insert into ${stage.place.table('queue')}
      (channel, priority, id, payload, attempts, max_attempts, created_at, available_at)
    select 'orders', 5, lpad(to_hex(n), 32, '0')::uuid, '{"n":0,"fill":"${'x'.repeat(82)}"}', 0, 5, now(), now()
    from generate_series(1, ${count}) as n`)
}

/** Events are published behind so many that wait. */
function publishingBehind(count: number): Entry {
  const who: Who = { ...rowcast, name: `${label(count)} waiting` }
  return onStage(who, async (stage, { windowMs }) => {
    const publisher = await actorOf(stage, who)
    await wait(stage, count)
    return { rate: await publisher.do('publish', { callers: 256, ms: windowMs, bytes: 100 }) }
  })
}

/** The first events of so many are drained; of few, again and again, since one drain would be over at once. */
function drainingOf(count: number): Entry {
  const who: Who = { ...rowcast, name: `${label(count)} waiting` }
  return onStage(who, async (stage) => {
    const consumer = await actorOf(stage, who)
    await wait(stage, count)
    await consumer.do('consume', { concurrency: 100 })
    const seen = await consumer.do('seen', { count: Math.min(count, TAKEN), limitMs: 60_000 })
    return { rate: ((seen.count - 1) * 1_000) / (seen.lastMs - seen.firstMs) }
  })
}

function label(count: number): string {
  return count >= 1_000_000 ? `${count / 1_000_000} M` : `${count / 1_000} k`
}

const sized = (bytes: number): Who => ({ ...rowcast, name: bytes >= 1_000 ? `${bytes / 1_000} kB` : `${bytes} B` })
const spread = (channels: number): Who => ({
  ...rowcast,
  name: `${channels} channel${channels > 1 ? 's' : ''}`,
  channels: Array.from({ length: channels }, (_, n) => `orders-${n}`),
})
/** About the same number of bytes at every size. */
const countAt = (bytes: number) => Math.max(1_000, Math.min(100_000, Math.round(50_000_000 / bytes)))

export const growthLines: readonly Line[] = [
  {
    name: 'growth-publish',
    title: 'Postgres, queue: publish() by 256 callers behind a backlog',
    measure: 'rate',
    unit: 'events/s',
    entries: BACKLOGS.map(publishingBehind),
    targets: [{ of: '1 M waiting', against: '1 k waiting', atLeast: 1 / 1.5 }],
  },
  {
    name: 'growth-drain',
    title: 'Postgres, queue: drain the front of a backlog (all of it, or 20 000)',
    measure: 'rate',
    unit: 'events/s',
    entries: BACKLOGS.map(drainingOf),
    targets: [{ of: '1 M waiting', against: '10 k waiting', atLeast: 1 / 1.5 }],
  },
  {
    name: 'growth-payload-publish',
    title: 'Postgres, queue: publish() by 256 callers, by size of payload',
    measure: 'rate',
    unit: 'events/s',
    entries: SIZES.map((bytes) => publishing(sized(bytes), 256, bytes)),
    targets: [],
  },
  {
    name: 'growth-payload-drain',
    title: 'Postgres, queue: drain, by size of payload',
    measure: 'rate',
    unit: 'events/s',
    entries: SIZES.map((bytes) => draining(sized(bytes), { bytes, count: countAt(bytes) })),
    targets: [],
  },
  {
    name: 'growth-channels-publish',
    title: 'Postgres, queue: publishMany by 1 000, spread over channels',
    measure: 'rate',
    unit: 'events/s',
    entries: CHANNELS.map((channels) => bulk(spread(channels), 1_000)),
    targets: [],
  },
  {
    name: 'growth-channels-drain',
    title: 'Postgres, queue: drain of 100 000 by one consumer of several channels',
    measure: 'rate',
    unit: 'events/s',
    entries: CHANNELS.map((channels) => draining(spread(channels))),
    targets: [{ of: '16 channels', against: '1 channel', atLeast: 1 / 1.5 }],
  },
]
