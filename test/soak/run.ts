/*
 * Faults at random, for as long as one likes:
 * `npm run soak -- --minutes N --database sqlite,postgres,mariadb,mysql|all --seed S --fault PART --setting PART`.
 * One round after the other, publishers and workers run through one fault, under one odd setting, in a place of their own;
 * then the history of the round is judged. Prints a table at the end, and ends with code 1 on the first broken promise;
 * with `--all` it goes on after one, until each fault and each setting has had its turn, in place of minutes.
 */
import { parseArgs } from 'node:util'
import { describe } from '../../src/common/errors.js'
import { Run } from '../support/actors/run.js'
import { type DatabaseName, NAMES, type ServerName, VARIABLES } from '../support/chosen.js'
import { database, type TestDatabase } from '../support/databases.js'
import type { Fact, Judgement } from '../support/history/index.js'
import { pick, type Random, seeded } from '../support/random.js'
import { openRunDatabase, RunDatabases, SERVERS } from '../support/servers/find.js'
import type { OwnServer } from '../support/servers/own-server.js'
import { FAULTS, type Fault, LEASE_MS, type Scene } from './faults.js'
import { applySetting, refusalOf, SETTINGS, type Setting } from './settings.js'
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
    fault: { type: 'string', default: '' },
    setting: { type: 'string', default: '' },
    all: { type: 'boolean', default: false },
  },
})
const names =
  values.database === 'all' ? NAMES : values.database.split(',').map((name) => database(name as DatabaseName).name)

/** Draws from a list, each once before any comes again. */
class Urn<Item> {
  readonly #items: readonly Item[]
  readonly #random: Random
  #waiting: Item[] = []
  /** How often it was emptied. */
  rounds = 0

  constructor(items: readonly Item[], random: Random) {
    this.#items = items
    this.#random = random
  }

  draw(): Item {
    if (this.#waiting.length === 0) this.#waiting = [...this.#items]
    const item = pick(this.#random, this.#waiting)
    this.#waiting.splice(this.#waiting.indexOf(item), 1)
    if (this.#waiting.length === 0) this.rounds++
    return item
  }
}

/** Plays rounds on one database until its time is over. */
async function soak(db: TestDatabase, minutes: number, random: Random, table: Table): Promise<boolean> {
  const chosen = <Item extends Fault | Setting>(items: readonly Item[], part: string) =>
    new Urn(
      items.filter(({ databases, name }) => databases.includes(db.name) && name.includes(part)),
      random,
    )
  const faults = chosen(FAULTS, values.fault)
  const settings = chosen(SETTINGS, values.setting)
  const untilMs = performance.now() + minutes * 60_000
  const goesOn = () => (values.all ? faults.rounds === 0 || settings.rounds === 0 : performance.now() < untilMs)
  let kept = true
  while (goesOn() && (kept || values.all)) {
    const [fault, setting] = [faults.draw(), settings.draw()]
    const where = `${db.name}, ${fault.name}, ${setting.name}`
    const judgement = await playRound(db, fault, setting, random).catch((error: unknown) => describe(error))
    if (typeof judgement === 'string') {
      console.log(`✘ ${where}: ${judgement}`)
      kept = false
    } else if ('refusal' in judgement) {
      console.log(`${where}: not opened, and told why: ${judgement.refusal}`)
    } else {
      table.add(fault.name, setting.name, db.name, judgement)
      const { events, deliveries, violations, longestStallS } = judgement
      console.log(`${where}: ${events} events, ${deliveries} deliveries, stalled ${longestStallS} s`)
      for (const violation of violations.slice(0, 10)) console.log(`✘ ${violation}`)
      kept = kept && violations.length === 0
    }
  }
  return kept
}

interface Refused {
  readonly refusal: string
}

async function playRound(
  db: TestDatabase,
  fault: Fault,
  setting: Setting,
  random: Random,
): Promise<Judgement | Refused> {
  await using own = db.name === 'sqlite' ? undefined : await openRunDatabase(db.name)
  const place = await db.place(own?.url)
  await using _applied = await applySetting(db.name, place, setting)
  const refusal = await refusalOf(place, setting)
  if (refusal !== undefined) {
    await place[Symbol.asyncDispose]()
    return { refusal }
  }
  await using run = await Run.open(db, OPTIONS, place, setting.session)
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
  await using servers = new Servers()
  for (const name of names) if (name !== 'sqlite') await servers.open(name)
  console.log(`seed ${values.seed}`)
  const random = seeded(Number(values.seed))
  const table = new Table()
  let kept = true
  for (const name of names) {
    kept = (kept || values.all) && (await soak(database(name), Number(values.minutes), random, table))
  }
  console.log(`\n${table}`)
  return kept ? 0 : 1
}

/** The servers of the run, told to others by the environment. Those that are set as a whole are the run's own. */
class Servers implements AsyncDisposable {
  readonly #databases = new RunDatabases()
  readonly #own: OwnServer[] = []

  async open(name: ServerName): Promise<void> {
    if (name === 'postgres') {
      await this.#databases.open(name)
      Object.assign(process.env, this.#databases.environment)
    } else {
      const server = await SERVERS[name].start()
      this.#own.push(server)
      process.env[VARIABLES[name]] = server.url
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#databases[Symbol.asyncDispose]()
    for (const server of this.#own) await server[Symbol.asyncDispose]()
  }
}

process.exitCode = await main()
