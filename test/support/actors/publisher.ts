/*
 * Publishes events and records what it is told: `tsx publisher.ts '<PublisherConfig as JSON>'`. Ends by itself when it
 * has published what it should.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionError } from '../../../src/index.js'
import { nowMs } from '../history/index.js'
import { pick, type Random, seeded } from '../random.js'
import type { PublisherConfig } from './config.js'
import { type Part, perform } from './stage.js'

let stopping = false
const calls = new Set<Promise<void>>()

await perform<PublisherConfig>(
  async (part, config) => {
    const callers = Array.from({ length: config.callers }, (_, caller) => publishMany(part, config, caller))
    for (const caller of callers) calls.add(caller)
    await Promise.all(callers)
  },
  async (part) => {
    stopping = true
    await Promise.all(calls)
    await part.channel.close()
  },
)

async function publishMany(part: Part, config: PublisherConfig, caller: number): Promise<void> {
  const random = seeded(config.seed + caller)
  for (let seq = 0; !stopping && seq < (config.count ?? Number.POSITIVE_INFINITY); seq++) {
    await publishOne(part, config, `${part.actor}.${caller}-${seq}`, random)
    if (config.pauseMs > 0) await sleep(random() * config.pauseMs)
  }
}

async function publishOne(part: Part, config: PublisherConfig, event: string, random: Random): Promise<void> {
  const priority = pick(random, config.priorities)
  const delayMs = random() < config.delayed ? Math.floor(random() * config.delayMs) : 0
  const key = random() < 0.5 && config.keys > 0 ? `key-${Math.floor(random() * config.keys)}` : undefined
  const ballast = random() < config.oversized ? 'x'.repeat(2 ** 20) : undefined
  part.record({ type: 'publishing', event, priority, ...(delayMs > 0 && { notBefore: nowMs() + delayMs }) })
  try {
    const id = await part.channel.publish(
      config.channel,
      { event, ballast },
      { ...(priority !== 5 && { priority }), ...(delayMs > 0 && { delayMs }), ...(key && { key }) },
    )
    part.record({ type: 'published', event, id })
  } catch (error) {
    const definite = !(error instanceof ConnectionError)
    part.record({ type: 'rejected', event, definite, error: String(error) })
  }
}
