import { actorOf, onStage, pause } from '../entries.js'
import type { Entry, Line } from '../line.js'
import type { Actor } from '../stage.js'
import type { Seen } from '../works.js'
import { rowcast } from './who.js'

const SLOW_MS = 50

/** So many consumer processes on one channel with a backlog; how many events came twice, and how evenly they ended. */
function sharing(name: string, consumers: number, handlerMs: number): Entry {
  return onStage({ ...rowcast, name }, async (stage, { backlog }) => {
    const count = handlerMs > 0 ? Math.min(6_000, backlog / 10) : backlog
    const filler = await actorOf(stage, rowcast)
    await filler.do('fill', { count, bytes: 100 })
    const actors = await Promise.all(Array.from({ length: consumers }, () => actorOf(stage, rowcast)))
    await Promise.all(
      actors.map((actor) => actor.do('consume', { concurrency: handlerMs > 0 ? 10 : 100, handlerMs, keep: true })),
    )
    const seen = await untilAll(actors, count)
    const firstMs = Math.min(...seen.map((one) => one.firstMs))
    const ends = seen.map(({ lastMs }) => lastMs - firstMs)
    const numbers = seen.flatMap((one) => one.numbers)
    return {
      rate: ((count - 1) * 1_000) / Math.max(...ends),
      twice: numbers.length - new Set(numbers).size,
      spread: Math.max(...ends) / Math.min(...ends),
      share: Math.min(...seen.map((one) => one.count)) / (count / consumers),
    }
  })
}

async function untilAll(actors: readonly Actor[], count: number): Promise<readonly Seen[]> {
  for (;;) {
    const seen = await Promise.all(actors.map((actor) => actor.do('look', undefined)))
    if (seen.reduce((total, one) => total + one.count, 0) >= count) return seen
    await pause(100)
  }
}

export const crowdLines: readonly Line[] = [
  {
    name: 'crowd',
    title: 'Postgres, queue: four consumer processes on one channel, drain of 100 000',
    measure: 'rate',
    unit: 'events/s',
    entries: [sharing('rowcast, 4 processes', 4, 0), sharing('rowcast, 1 process', 1, 0)],
    targets: [
      { of: 'rowcast, 4 processes', against: 'rowcast, 1 process', atLeast: 1 },
      { of: 'rowcast, 4 processes', measure: 'twice', atMost: 0 },
    ],
  },
  {
    name: 'crowd-slow',
    title: 'Postgres, queue: four consumer processes with handlers of 50 ms, the last to finish over the first',
    measure: 'spread',
    unit: '×',
    entries: [sharing('rowcast', 4, SLOW_MS)],
    targets: [{ atMost: 1.3 }, { measure: 'twice', atMost: 0 }],
  },
]
