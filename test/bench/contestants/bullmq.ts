import type { ConsumeOptions, Payload, Session, Settings } from '../contestant.js'
import { loadRival } from '../rivals/rivals.js'

interface Module {
  Queue: new (
    name: string,
    options: object,
  ) => {
    waitUntilReady(): Promise<unknown>
    add(name: string, data: object): Promise<unknown>
    addBulk(jobs: readonly object[]): Promise<unknown>
    close(): Promise<void>
  }
  Worker: new (
    name: string,
    handler: (job: { data: Payload }) => Promise<void>,
    options: object,
  ) => { on(event: 'error', listener: () => void): unknown; waitUntilReady(): Promise<unknown>; close(): Promise<void> }
}

/** Settled jobs are removed, as `retentionMs: 0` does. */
export async function open({ url, place }: Settings): Promise<Session> {
  const { Queue, Worker } = await loadRival<Module>('bullmq')
  const { hostname: host, port } = new URL(url)
  const connection = { host, port: Number(port || 6379), maxRetriesPerRequest: null }
  const queue = new Queue(place, { connection, defaultJobOptions: { removeOnComplete: true } })
  await queue.waitUntilReady()
  return {
    publish: (payload) => queue.add('orders', payload),
    publishMany: (payloads) => queue.addBulk(payloads.map((data) => ({ name: 'orders', data }))),
    async consume(handler, { concurrency }: ConsumeOptions) {
      const worker = new Worker(place, ({ data }) => handler(data), { connection, concurrency })
      worker.on('error', () => undefined)
      await worker.waitUntilReady()
      return { [Symbol.asyncDispose]: () => worker.close() }
    },
    [Symbol.asyncDispose]: () => queue.close(),
  }
}
