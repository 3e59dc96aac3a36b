import { setTimeout as sleep } from 'node:timers/promises'
import type { Payload, Session, Settings } from '../contestant.js'
import { loadRival } from '../rivals/rivals.js'
import { repeat } from './event-ids.js'

interface Job {
  readonly id: string
  readonly data: Payload
}

interface Boss {
  on(event: 'error', listener: () => void): unknown
  start(): Promise<unknown>
  stop(options: object): Promise<unknown>
  createQueue(name: string): Promise<unknown>
  send(name: string, data: object): Promise<unknown>
  insert(jobs: readonly object[]): Promise<unknown>
  work(name: string, options: object, handler: (jobs: readonly Job[]) => Promise<void>): Promise<string>
  offWork(name: string): Promise<unknown>
  fetch(name: string, options: object): Promise<readonly Job[]>
  complete(name: string, ids: readonly string[]): Promise<unknown>
}

const BATCH = 500

/** With its defaults (a worker asks every two seconds); `tuned`: fetched and completed by 500 without a pause. */
export async function open({ url, place, options }: Settings): Promise<Session> {
  const PgBoss = await loadRival<new (options: object) => Boss>('pg-boss')
  const boss = new PgBoss({ connectionString: url, schema: place })
  boss.on('error', () => undefined)
  await boss.start()
  await boss.createQueue('orders')
  return {
    publish: (payload) => boss.send('orders', payload),
    publishMany: (payloads) => boss.insert(payloads.map((data) => ({ name: 'orders', data }))),
    async consume(handler) {
      if (options?.tuned === true) return repeat(() => fetchBatch(handler))
      await boss.work('orders', {}, async (jobs) => {
        for (const { data } of jobs) await handler(data)
      })
      return {
        async [Symbol.asyncDispose]() {
          await boss.offWork('orders')
        },
      }
    },
    async [Symbol.asyncDispose]() {
      await boss.stop({ graceful: false, wait: true })
    },
  }

  async function fetchBatch(handler: (payload: Payload) => Promise<void>): Promise<void> {
    const jobs = await boss.fetch('orders', { batchSize: BATCH })
    if (jobs.length === 0) return sleep(5)
    await Promise.all(jobs.map(({ data }) => handler(data)))
    await boss.complete(
      'orders',
      jobs.map(({ id }) => id),
    )
  }
}
