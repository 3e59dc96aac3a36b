import { EventChannel, optionsFromEnvironment } from 'rowcast'
import { invalidateCaches } from './demo/caches.js'
import { BACKLOG, DELAY_MS, type DemoEvents, MAX_ATTEMPTS, PACED, type Shipment } from './demo/events.js'
import { Child } from './demo/family.js'
import { makePlace, type Place } from './demo/place.js'
import { check, found, nice, percentile, say, until } from './demo/story.js'

/*
 * A shop in one database: a publisher process, two worker processes and this one, which counts what was shipped. One
 * worker is killed at work. `npm run demo` uses SQLite; with ROWCAST_URL set, Postgres, MySQL or MariaDB.
 */

const LEASE_MS = 2_000
/** After how many shipments the second worker is killed. */
const KILL_AT = 200

async function main(place: Place): Promise<void> {
  Object.assign(process.env, {
    ROWCAST_URL: place.url,
    ROWCAST_BACKEND: 'queue',
    ROWCAST_LEASE_MS: String(LEASE_MS),
    ROWCAST_POLL_INTERVAL_MS: '50',
  })
  await using channel = await EventChannel.open<DemoEvents>(place.url, { ...optionsFromEnvironment() })
  const publisher = new Child('publisher', 'publisher', process.env)
  const workers = ['worker A', 'worker B'].map((name) => new Child(name, 'worker', process.env))
  const children = [publisher, ...workers]
  try {
    await until(() => children.every((child) => child.heard('ready')), 'the processes start')
    say(`running: ${children.map(({ name, pid }) => `${name} (process ${pid})`).join(', ')}`)
    await tellOrders(channel, publisher, workers)
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
  await tellCaches(place)
}

async function tellOrders(channel: EventChannel<DemoEvents>, publisher: Child, workers: Child[]): Promise<void> {
  const [first, second] = workers as [Child, Child]
  const shipments: Shipment[] = []
  await tellBacklog(channel, publisher)
  channel.listen('shipments', ({ payload }) => void shipments.push(payload), { concurrency: 100 })
  await tellWork(first, second, shipments)
  tellOrder(shipments)
  await tellDeadLetter(channel)
  await tellPace(publisher, shipments)
  await tellStop(channel, first)
  tellCounters({
    publisher: publisher.heard('published')?.counters,
    'worker A': first.heard('stopped')?.counters,
    'this process': channel.telemetry.snapshot(),
  })
}

async function tellBacklog(channel: EventChannel<DemoEvents>, publisher: Child): Promise<void> {
  publisher.tell('backlog')
  const { count = 0, elapsedMs = 0 } = await until(() => publisher.heard('stored'), 'the backlog is stored')
  const [stats] = await channel.stats('orders')
  const stored = Number(stats?.ready) + Number(stats?.scheduled)
  check(stored === count, `published: ${nice(count)} orders in ${nice(elapsedMs)} ms; stored: ${nice(stored)}`)
}

/** Two workers at the backlog, one of which is killed; in the end every order has been shipped at least once. */
async function tellWork(first: Child, second: Child, shipments: readonly Shipment[]): Promise<void> {
  const expected = BACKLOG + 2
  const shipped = () => new Set(shipments.map(({ number }) => number)).size
  const by = (name: string) => nice(shipments.filter(({ worker }) => worker === name).length)
  const startedMs = performance.now()
  for (const worker of [first, second]) worker.tell('work')
  await until(() => shipments.length >= KILL_AT, 'work is under way')
  second.kill('SIGKILL')
  await second.ended
  say(`killed ${second.name} at work, after ${nice(shipments.length)} shipments; it could settle nothing any more`)
  await until(() => shipped() >= expected, `${expected} orders are shipped`).catch(() => undefined)
  const elapsedMs = performance.now() - startedMs
  check(shipped() === expected, `shipped: ${nice(shipped())} of ${nice(expected)} orders in ${nice(elapsedMs)} ms`)
  say(`        ${by(first.name)} by ${first.name}, ${by(second.name)} by ${second.name} before it died`)
  const redelivered = nice(shipments.filter(({ attempts }) => attempts > 1).length)
  say(`        ${redelivered} were in its hands and went to ${first.name} when their lease (${LEASE_MS} ms) ended`)
  const twice = nice(shipments.length - shipped())
  say(`        ${twice} of them had been shipped, but not acked, and were shipped again: at least once means that`)
}

function tellOrder(shipments: readonly Shipment[]): void {
  const place = 1 + shipments.findIndex(({ kind }) => kind === 'urgent')
  check(place <= 50, `priority: the urgent order, published last, was shipped as number ${place}`)
  const waitedMs = shipments.find(({ kind }) => kind === 'delayed')?.waitedMs ?? 0
  const asked = `one order asked for ${nice(DELAY_MS)} ms`
  check(waitedMs >= DELAY_MS, `delay: ${asked} and was delivered after ${nice(waitedMs)} ms`)
}

async function tellStop(channel: EventChannel<DemoEvents>, worker: Child): Promise<void> {
  worker.kill('SIGTERM')
  await worker.ended
  const left = await channel.stats('orders')
  const behind = left.length === 0 ? 'nothing' : JSON.stringify(left)
  check(worker.exitCode === 0 && left.length === 0, `stopped ${worker.name} by SIGTERM; it left ${behind} behind`)
}

async function tellDeadLetter(channel: EventChannel<DemoEvents>): Promise<void> {
  const [letter] = await until(async () => {
    const letters = await channel.deadLetters.list({ channel: 'orders' })
    return letters.length > 0 && letters
  }, 'the order that nobody can ship is a dead letter')
  const { attempts = 0, error = '' } = letter ?? {}
  check(attempts === MAX_ATTEMPTS, `dead letter: after ${attempts} attempts, "${error}"`)
  const discarded = await channel.deadLetters.discard({ channel: 'orders' }, { reason: 'the customer moved away' })
  check(discarded === 1, `        looked at by a person and discarded, with a reason, into history`)
}

async function tellPace(publisher: Child, shipments: readonly Shipment[]): Promise<void> {
  publisher.tell('pace')
  const paced = () => shipments.filter(({ kind }) => kind === 'paced')
  await until(() => paced().length >= PACED, `${PACED} more orders are shipped`)
  const waits = paced()
    .map(({ waitedMs }) => waitedMs)
    .sort((a, b) => a - b)
  const [p50, p99] = [percentile(waits, 50), percentile(waits, 99)]
  say(`latency: ${PACED} orders one by one, publish to handler in another process: p50 ${p50} ms, p99 ${p99} ms`)
  await publisher.ended
}

async function tellCaches(place: Place): Promise<void> {
  const { backend, timesMs } = await invalidateCaches(place.url)
  const [p50, most] = [percentile(timesMs, 50), percentile(timesMs, 100)]
  say(
    `caches: ${timesMs.length} changes reached all 3 caches (backend ${backend}): p50 ${nice(p50, 1)} ms, slowest ${nice(most, 1)} ms`,
  )
}

function tellCounters(columns: Readonly<Record<string, Readonly<Record<string, number>> | undefined>>): void {
  const snapshots = Object.values(columns).map((snapshot) => snapshot ?? {})
  const names = Object.keys(snapshots[0] ?? {}).filter((name) => snapshots.some((snapshot) => snapshot[name]))
  const line = (cells: readonly string[]) => `         ${cells.map((cell) => cell.padStart(13)).join('')}`
  say('telemetry, where it is not zero:')
  console.log(`${''.padEnd(24)}${line(Object.keys(columns))}`)
  for (const name of names) {
    console.log(`         ${name.padEnd(24)}${line(snapshots.map((snapshot) => nice(snapshot[name] ?? 0))).slice(9)}`)
  }
}

{
  await using place = makePlace()
  process.once('SIGINT', () => void place[Symbol.asyncDispose]().finally(() => process.exit(130)))
  console.log(`rowcast demo on ${place.title}\n`)
  await main(place).catch((error: unknown) => check(false, String(error)))
}
const faults = found()
say(faults.length === 0 ? 'done: nothing was lost, nothing is left behind' : `failed: ${faults.join('; ')}`)
process.exitCode = faults.length === 0 ? 0 : 1
