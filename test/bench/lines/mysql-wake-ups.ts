import { readFileSync } from 'node:fs'
import { actorOf, onStage, pause, type Who } from '../entries.js'
import { type Entry, type Line, percentile } from '../line.js'
import type { Stage } from '../stage.js'

/* How soon an event published in one process is handled in another, where nothing but probes tells, and what those cost. */

/** Longer than a probe takes to slow down, in milliseconds. */
const SILENCE_MS = 60_000
/** Objects that one silence is measured with: each has but one event that comes after it. */
const SILENT = 20
/** Objects of one process, where many stand for as many processes. */
const CROWD = 25
/** The kernel counts the time of a process in hundredths of a second. */
const TICK_MS = 10

const BACKENDS = ['queue', 'log', 'notify'] as const
/** MySQL where the environment names one. */
const SERVERS = [
  { name: 'MariaDB', ground: 'mariadb' } as const,
  ...(process.env.ROWCAST_TEST_MYSQL_URL ? [{ name: 'MySQL', ground: 'mysql' } as const] : []),
]

const EACH: readonly Who[] = SERVERS.flatMap(({ name, ground }) =>
  BACKENDS.map((backend) => ({
    name: `rowcast on ${name}, ${backend}`,
    contestant: 'rowcast' as const,
    ground,
    options: { backend },
  })),
)

function channelsOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `orders ${i}`)
}

/** An event every two seconds. */
function nowAndThen(who: Who): Entry {
  return onStage(who, async (stage, { quick }) => {
    const [consumer, publisher] = await Promise.all([actorOf(stage, who), actorOf(stage, who)])
    await consumer.do('consume', { concurrency: 10 })
    const warmUp = 500
    await publisher.do('tick', { count: warmUp, everyMs: 1, bytes: 100 })
    await consumer.do('seen', { count: warmUp, limitMs: 30_000 })
    const count = quick ? 8 : 25
    await publisher.do('tick', { count, everyMs: 2_000, bytes: 100 })
    await consumer.do('seen', { count: count + warmUp, limitMs: 5_000 })
    return toFigures((await consumer.do('latencies', undefined)).slice(warmUp))
  })
}

/** One event for each of many objects, after a minute without any. */
function afterSilence(who: Who): Entry {
  return onStage(who, async (stage) => {
    const channels = channelsOf(SILENT)
    const consumer = await actorOf(stage, { ...who, contestant: 'rowcast-many', channels })
    const publisher = await actorOf(stage, { ...who, channels })
    await consumer.do('consume', { concurrency: 10 })
    const warmUp = SILENT * 25
    await publisher.do('tick', { count: warmUp, everyMs: 1, bytes: 100 })
    await consumer.do('seen', { count: warmUp, limitMs: 30_000 })
    await pause(SILENCE_MS)
    await publisher.do('tick', { count: SILENT, everyMs: 90, bytes: 100 })
    await consumer.do('seen', { count: warmUp + SILENT, limitMs: 5_000 })
    return toFigures((await consumer.do('latencies', undefined)).slice(warmUp))
  })
}

function toFigures(latencies: readonly number[]) {
  return { p50: percentile(latencies, 50), p95: percentile(latencies, 95), seen: latencies.length }
}

/** What so many idle objects, in a few processes, cost their server and one of themselves. */
function idling(who: Who, count: number): Entry {
  return onStage({ ...who, name: `${who.name}: ${count}` }, async (stage, { quick }) => {
    const processes = Array.from({ length: Math.ceil(count / CROWD) }, () => Math.min(count, CROWD))
    const consumers = await Promise.all(
      processes.map((size) => actorOf(stage, { ...who, contestant: 'rowcast-many', channels: channelsOf(size) })),
    )
    await Promise.all(consumers.map((consumer) => consumer.do('consume', { concurrency: 10 })))
    await pause(SILENCE_MS)
    const ms = quick ? 5_000 : 15_000
    const before = await lookAt(stage)
    const costs = await Promise.all(consumers.map((consumer) => consumer.do('idle', { ms })))
    const after = await lookAt(stage)
    const seconds = (after.atMs - before.atMs) / 1_000
    return {
      server: (after.cpuMs - before.cpuMs) / seconds / TICK_MS,
      statements: (after.questions - before.questions) / seconds,
      client: costs.reduce((sum, { cpu }) => sum + cpu, 0) / count,
    }
  })
}

/** What the server has done so far. Its processor time is NaN where it runs on another machine. */
async function lookAt({ place }: Stage): Promise<{ atMs: number; questions: number; cpuMs: number }> {
  const [status] = await place.sql("show global status like 'Questions'")
  const [file] = await place.sql('select @@pid_file as name, @@datadir as folder')
  const name = String(file?.name)
  return {
    atMs: performance.now(),
    questions: Number(status?.Value),
    cpuMs: cpuMsOf(name.startsWith('/') ? name : `${file?.folder}${name}`),
  }
}

function cpuMsOf(pidFile: string): number {
  try {
    const pid = readFileSync(pidFile, 'utf8').trim()
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return Number.NaN
  }
}

export const mysqlWakeUpLines: readonly Line[] = [
  {
    name: 'mysql-latency',
    title: 'MariaDB, MySQL: latency from publish call to handler, two processes, one event every two seconds',
    measure: 'p50',
    unit: 'ms',
    entries: EACH.map(nowAndThen),
    targets: EACH.map(({ name }) => ({ of: name, atMost: 15 })),
  },
  {
    name: 'mysql-latency-silence',
    title: 'MariaDB, MySQL: latency of the first event after a minute of silence, two processes',
    measure: 'p50',
    unit: 'ms',
    entries: EACH.map(afterSilence),
    targets: EACH.map(({ name }) => ({ of: name, atMost: 120 })),
  },
  {
    name: 'mysql-idle',
    title: 'MariaDB, MySQL: share of a core that idle consumers cost the server, after a minute of silence',
    measure: 'server',
    unit: '%',
    entries: EACH.filter(({ options }) => options?.backend !== 'notify').flatMap((who) =>
      [1, 10, 100].map((count) => idling(who, count)),
    ),
    targets: EACH.filter(({ options }) => options?.backend !== 'notify').flatMap(({ name }) => [
      { of: `${name}: 100`, measure: 'client', atMost: 0.5 },
    ]),
  },
]
