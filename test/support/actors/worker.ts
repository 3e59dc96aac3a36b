/*
 * Handles events, as each says, and records what it sees: `tsx worker.ts '<WorkerConfig as JSON>'`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type EventMessage, RowcastError } from '../../../src/index.js'
import { type Random, seeded } from '../random.js'
import type { Payload, Step, WorkerConfig } from './config.js'
import { type Part, perform } from './stage.js'

await perform<WorkerConfig>(
  async (part, config) => {
    const random = seeded(config.seed + Number(part.actor.split('/')[1]))
    const { concurrency, prefetch, group } = config
    // Acked by the handler, which wants to know how that ended.
    const place = group === null ? {} : ({ group, from: 'earliest' } as const)
    const options = { concurrency, prefetch, autoAck: false, ...place }
    const listener = part.channel.listen(config.channel, (event) => handle(part, event, config, random), options)
    await listener.failed
  },
  async (part, { drainMs }) => {
    await part.channel.close({ drainMs })
  },
)

async function handle(part: Part, event: EventMessage, config: WorkerConfig, random: Random): Promise<void> {
  const { event: name, first = [], every = [] } = event.payload as Payload
  const { attempts } = event
  const told = { event: name, attempts }
  part.record({ type: 'delivered', ...told, id: event.id, leaseEndsAt: event.leaseExpiresAt?.getTime() ?? null })
  event.signal.addEventListener('abort', () => {
    const { reason } = event.signal
    if (!(reason instanceof RowcastError) || reason.code !== 'NOT_HELD') return
    part.record({ type: 'lost', ...told, certain: /was lost/.test(reason.message) })
  })
  for (const step of [...(attempts === 1 ? first : []), ...every]) await take(step, event, config.name)
  await sleep(random() * config.workMs)
  try {
    if (attempts === 1 && random() < config.nacks) {
      const delayMs = random() < 0.5 ? 0 : Math.floor(random() * 100)
      part.record({ type: 'nacking', ...told, delayMs })
      part.record({ type: 'nacked', ...told, delayMs, held: await event.nack({ delayMs, error: 'on purpose' }) })
      return
    }
    part.record({ type: 'acking', ...told })
    part.record({ type: 'acked', ...told, held: await event.ack() })
  } catch (error) {
    part.record({ type: 'unsettled', ...told, error: String(error) })
  }
}

async function take(step: Step, { signal }: EventMessage, name: string): Promise<void> {
  switch (step.do) {
    case 'wait':
      await sleep(step.ms)
      return
    case 'hold':
      if (step.on !== undefined && step.on !== name) return
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        signal.addEventListener('abort', () => resolve())
      })
      return
    case 'block':
      // No turn of the event loop meanwhile, and no work for the processor.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, step.ms)
      return
    case 'die':
      process.kill(process.pid, 'SIGKILL')
  }
}
