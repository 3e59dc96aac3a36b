import { setTimeout as sleep } from 'node:timers/promises'
import type { Actor } from '../support/actors/actor.js'
import type { Run } from '../support/actors/run.js'
import { type DatabaseName, NAMES } from '../support/chosen.js'
import { cutterOf } from '../support/cutter.js'
import { nowMs } from '../support/history/index.js'
import { pick, type Random } from '../support/random.js'

/** Lease of every event in a soak, in milliseconds. */
export const LEASE_MS = 1_500

/** What a fault is played on: publishers and workers that run all the while. */
export interface Scene {
  readonly run: Run
  readonly random: Random
  /** Those that run now. */
  readonly workers: Actor[]
  /** Ends one of them as told, and starts another in its place. */
  replace(end: (worker: Actor) => Promise<void>): Promise<void>
}

/** Something that goes wrong again and again. A new one is one more in the list below. */
export interface Fault {
  readonly name: string
  readonly databases: readonly DatabaseName[]
  /** Plays it once; called again until the time is over. */
  play(scene: Scene): Promise<void>
}

const ON_SERVERS = ['postgres', 'mariadb', 'mysql'] as const
const HOURS_MS = 3_600_000

export const FAULTS: readonly Fault[] = [
  { name: 'none', databases: NAMES, play: () => sleep(1_000) },
  {
    name: 'worker killed (SIGKILL)',
    databases: NAMES,
    play: ({ replace, random }) =>
      replace(async (worker) => {
        await sleep(random() * 500)
        await worker.kill()
      }),
  },
  {
    name: 'worker stopped for longer than a lease (SIGSTOP)',
    databases: NAMES,
    play: async ({ run, workers, random }) => {
      const stop = () => pick(random, workers).whileStopped(() => sleep(LEASE_MS * (1.1 + random())))
      // It may have been stopped in the middle of writing, which keeps everybody else from it.
      if (run.database.name === 'sqlite') await run.recorder.hindering('*', 'another stopped while writing', stop)
      else await stop()
      await sleep(300)
    },
  },
  {
    name: 'worker asked to end (SIGTERM)',
    databases: NAMES,
    play: ({ replace, random }) =>
      replace(async (worker) => {
        await sleep(random() * 500)
        await worker.terminate()
      }),
  },
  {
    name: 'event loop blocked for longer than a lease',
    databases: NAMES,
    play: async ({ run, random }) => {
      await run.publish({ first: [{ do: 'block', ms: LEASE_MS * (1.1 + random()) }] }, { priority: 1 })
      await sleep(1_000)
    },
  },
  {
    name: 'process clock wrong by hours',
    databases: NAMES,
    play: async ({ run, random }) => {
      const clockShiftMs = (random() < 0.5 ? -1 : 1) * HOURS_MS * (1 + random() * 10)
      const guest = await run.worker(unique('guest'), { clockShiftMs, nacks: 0.1 })
      const publisher = await run.publisher(unique('shifted'), { clockShiftMs, count: 50, delayed: 0.2 })
      await publisher.ended()
      await guest.terminate()
    },
  },
  {
    name: 'transactions committed late and rolled back',
    databases: ON_SERVERS,
    play: async ({ run, random }) => {
      const how = pick(random, ['commit', 'rollback'] as const)
      await run.publishInTransaction(how, [{}, { priority: 1 }], () => sleep(random() * 2_000))
    },
  },
  {
    name: 'a transaction open for long',
    databases: ON_SERVERS,
    play: async ({ run }) => {
      const transaction = await run.place.begin()
      const { query } = transaction.handle as { query(text: string): Promise<unknown> }
      await query.call(transaction.handle, `select count(*) from ${run.place.table('queue')}`)
      await sleep(3_000)
      await transaction.rollback()
    },
  },
  {
    name: 'a write transaction held by another process',
    databases: ['sqlite'],
    play: async ({ run, random }) => {
      const transaction = await run.place.begin()
      await run.recorder.hindering('*', 'locked', () => sleep(random() * 3_000))
      await transaction.rollback()
      await sleep(500)
    },
  },
  {
    name: 'every connection cut',
    databases: ON_SERVERS,
    play: async ({ run, random }) => {
      await using cutter = cutterOf(run.place.url)
      await run.recorder.hindering('*', 'cut', async () => {
        await cutter.cut()
        await sleep(300 + random() * 500)
      })
    },
  },
]

function unique(name: string): string {
  return `${name}-${Math.round(nowMs())}`
}
