/*
 * Faults at random, for as long as one likes: `npm run soak -- --minutes N --database sqlite,postgres,mariadb,mysql|all --seed S`.
 * One round after the other, publishers and workers run through one fault, in a place of their own; then the history of
 * the round is judged. Prints a table at the end, and ends with code 1 on the first broken promise.
 */
import { parseArgs } from 'node:util'
import { Run } from '../support/actors/run.js'
import { type DatabaseName, NAMES } from '../support/chosen.js'
import { database, type TestDatabase } from '../support/databases.js'
import type { Fact, Judgement } from '../support/history/index.js'
import { pick, type Random, seeded } from '../support/random.js'
import { openRunDatabase, RunDatabases } from '../support/servers/find.js'
import { FAULTS, type Fault, LEASE_MS, type Scene } from './faults.js'
import { Table } from './table.js'

/** How long a fault is played in one round, and how long everything may take to settle after, in milliseconds. */
const PLAY_MS = 6_000
const SETTLE_MS = 90_000
const OPTIONS = { leaseMs: LEASE_MS, pollIntervalMs: 250, maxAttempts: 20 }

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    database: { type: 'string', default: 'all' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const names =
  values.database === 'all' ? NAMES : values.database.split(',').map((name) => database(name as DatabaseName).name)

/** Plays rounds on one database until its time is over; each fault once before any comes again. */
async function soak(db: TestDatabase, minutes: number, random: Random, table: Table): Promise<boolean> {
  const untilMs = performance.now() + minutes * 60_000
  let waiting: Fault[] = []
  while (performance.now() < untilMs) {
    if (waiting.length === 0) waiting = FAULTS.filter(({ databases }) => databases.includes(db.name))
    const fault = pick(random, waiting)
    waiting.splice(waiting.indexOf(fault), 1)
    const judgement = await playRound(db, fault, random)
    table.add(fault.name, db.name, judgement)
    const { events, deliveries, violations, longestStallS } = judgement
    console.log(`${db.name}, ${fault.name}: ${events} events, ${deliveries} deliveries, stalled ${longestStallS} s`)
    for (const violation of violations.slice(0, 10)) console.log(`✘ ${violation}`)
    if (violations.length > 0) return false
  }
  return true
}

async function playRound(db: TestDatabase, fault: Fault, random: Random): Promise<Judgement> {
  await using own = db.name === 'sqlite' ? undefined : await openRunDatabase(db.name)
  await using run = await Run.open(db, OPTIONS, await db.place(own?.url))
  let count = 0
  const startWorker = () =>
    run.worker(`w${count++}`, { objects: 1 + Math.floor(random() * 2), workMs: 20, nacks: 0.1, drainMs: 1_000 })
  const load = { callers: 3, pauseMs: 20, priorities: [1, 5, 9], delayed: 0.1, keys: 10, oversized: 0.01 }
  const [p0, p1, ...workers] = await Promise.all([
    run.publisher('p0', load),
    run.publisher('p1', { ...load, objects: 2 }),
    startWorker(),
    startWorker(),
    startWorker(),
  ])
  const scene: Scene = {
    run,
    random,
    workers,
    async replace(end) {
      const worker = pick(random, workers)
      const [, other] = await Promise.all([end(worker), startWorker()])
      workers.splice(workers.indexOf(worker), 1, other)
    },
  }
  const untilMs = performance.now() + PLAY_MS
  while (performance.now() < untilMs) await fault.play(scene)
  await Promise.all([p0.terminate(), p1.terminate()])
  await run.settled(SETTLE_MS)
  const judgement = await run.judgement()
  if (judgement.violations.length > 0) explain(judgement.violations[0] ?? '', run.facts)
  return judgement
}

/** Prints what is known about the event of a violation, and what befell the actors meanwhile. */
function explain(violation: string, facts: readonly Fact[]): void {
  const [, event] = /event (\S+) /.exec(violation) ?? []
  const isAbout = (fact: Fact) => ('event' in fact ? fact.event === event : fact.type !== 'counted')
  for (const fact of facts.filter(isAbout)) console.log(JSON.stringify(fact))
}

async function main(): Promise<number> {
  // The servers, for those who reach them from outside the databases that are soaked.
  await using databases = new RunDatabases()
  for (const name of names) if (name !== 'sqlite') await databases.open(name)
  Object.assign(process.env, databases.environment)
  console.log(`seed ${values.seed}`)
  const random = seeded(Number(values.seed))
  const table = new Table()
  let kept = true
  for (const name of names) {
    kept = kept && (await soak(database(name), Number(values.minutes), random, table))
  }
  console.log(`\n${table}`)
  return kept ? 0 : 1
}

process.exitCode = await main()
