import { monitorEventLoopDelay } from 'node:perf_hooks'
import { EventChannel } from '../../../src/index.js'
import { type Happening, nowMs, Recorder } from '../history/index.js'
import { silent } from '../logger.js'
import type { ActorConfig } from './config.js'
import { targetOf } from './target.js'

/** How often an actor looks whether it stands still, in milliseconds. */
const WATCH_MS = 20

/** One channel object of an actor, and the pen it writes its history with. */
export interface Part {
  readonly actor: string
  readonly channel: EventChannel
  record(happening: Happening): void
  /** Ends what the channel was opened with, after it was closed. */
  release(): Promise<unknown>
}

/**
 * Runs the parts of an actor: opens their channels, tells the parent that they are ready, and ends them, recording that,
 * when it is asked to by SIGTERM or by the end of what `play` does. The process must then end by itself.
 */
export async function perform<Config extends ActorConfig>(
  play: (part: Part, config: Config) => Promise<void>,
  end: (part: Part, config: Config) => Promise<void>,
): Promise<void> {
  const config = JSON.parse(process.argv[2] ?? '') as Config
  const recorder = new Recorder(config.history, config.name)
  reportTheUnhandled(recorder)
  const loop = monitorEventLoopDelay({ resolution: 5 })
  const watching = watchStandstill(recorder, (config.options.leaseMs ?? 30_000) / 4)
  const parts = await Promise.all(
    Array.from({ length: config.objects }, (_, index) => openPart(config, `${config.name}/${index}`, recorder)),
  )
  const terminated = new Promise((resolve) => process.once('SIGTERM', resolve))
  loop.enable()
  process.send?.('ready')
  await Promise.race([terminated, Promise.all(parts.map((part) => play(part, config)))])
  recorder.record({ type: 'closing' })
  await Promise.all(parts.map((part) => end(part, config)))
  await Promise.all(parts.map((part) => part.release()))
  for (const part of parts) part.record({ type: 'counted', counters: { ...part.channel.telemetry.snapshot() } })
  recorder.record({ type: 'counted', counters: { longestLoopDelayMs: loop.max / 1e6 } })
  loop.disable()
  recorder.record({ type: 'closed' })
  clearInterval(watching)
  process.disconnect?.()
}

async function openPart(config: ActorConfig, actor: string, recorder: Recorder): Promise<Part> {
  const { source, end } = await targetOf(config.url, config.session)
  const channel = await EventChannel.open(source, { ...config.options, logger: silent })
  return { actor, channel, release: end, record: (happening) => recorder.record(happening, actor) }
}

function reportTheUnhandled(recorder: Recorder): void {
  const report = (reason: unknown) => {
    recorder.record({ type: 'unhandled', error: reason instanceof Error ? (reason.stack ?? '') : String(reason) })
  }
  process.on('unhandledRejection', report)
  process.on('uncaughtException', report)
  process.on('warning', (warning) => {
    if (warning.name === 'MaxListenersExceededWarning') report(warning)
  })
}

/** A process that the system does not run cannot extend its leases, whoever is to blame. */
function watchStandstill(recorder: Recorder, reportMs: number): NodeJS.Timeout {
  let lastMs = nowMs()
  return setInterval(() => {
    const ms = nowMs() - lastMs
    if (ms > reportMs) recorder.record({ type: 'hindered', why: 'stood still', ms })
    lastMs = nowMs()
  }, WATCH_MS)
}
