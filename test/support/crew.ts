import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** At least this number of files runs at any time, however busy the machine is. */
const FEWEST = 3
/** At most this number: the servers are shared. */
const MOST = 10
/** One more begins when the machine had this part of its time left since the last one began. */
const IDLE_PART = 0.15
/** How long the machine is watched before one more begins, in milliseconds. */
const WATCH_MS = 1_500

/**
 * Does all of the work, in order, as much of it at once as the machine has time for: most tests wait most of the time, some
 * leave it none.
 */
export async function workThrough<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const underWay = new Set<Promise<void>>()
  const begin = (item: Item) => {
    const one = work(item).finally(() => underWay.delete(one))
    underWay.add(one)
  }
  let watched = readTimes()
  for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
    while (underWay.size >= FEWEST && !(underWay.size < MOST && hasTime())) {
      await Promise.race([...underWay, sleep(WATCH_MS)])
    }
    begin(item)
    watched = readTimes()
  }
  await Promise.all(underWay)

  function hasTime(): boolean {
    const now = readTimes()
    const elapsed = now.all - watched.all
    if (elapsed < WATCH_MS * cpus().length) return false
    const idle = (now.idle - watched.idle) / elapsed
    watched = now
    return idle > IDLE_PART
  }
}

/** What all cores have spent since they started, in milliseconds. */
function readTimes(): { readonly idle: number; readonly all: number } {
  const sum = (times: readonly number[]) => times.reduce((total, each) => total + each, 0)
  const all = cpus().map(({ times }) => times)
  return { idle: sum(all.map(({ idle }) => idle)), all: sum(all.flatMap((times) => Object.values(times))) }
}
