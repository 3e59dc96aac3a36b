import Database from 'better-sqlite3'
import type { Payload, Session, Settings } from '../contestant.js'
import { loadRival } from '../rivals/rivals.js'

interface Module {
  better(database: unknown): unknown
  defineQueue(options: object): {
    add(type: string, data: object): unknown
    addMany(type: string, data: readonly object[]): unknown
    close(): void
  }
  defineWorker(
    type: string,
    handler: (job: { data: string }) => Promise<void>,
    options: object,
  ): { start(): Promise<void>; stop(): Promise<void> }
}

const ignore = () => undefined
const logger = { error: ignore, warn: ignore, info: ignore, debug: ignore }

export async function open({ url, place }: Settings): Promise<Session> {
  const { better, defineQueue, defineWorker } = await loadRival<Module>('plainjob')
  // It sets write-ahead logging and synchronous = 1 (normal) by itself. A file of its own: its table names are fixed.
  const database = new Database(`${url.slice('sqlite:'.length)}.${place}`, { timeout: 5_000 })
  const queue = defineQueue({ connection: better(database), logger })
  return {
    publish: async (payload) => queue.add('orders', payload),
    publishMany: async (payloads) => queue.addMany('orders', payloads),
    async consume(handler) {
      const work = (job: { data: string }) => handler(JSON.parse(job.data) as Payload)
      const worker = defineWorker('orders', work, { queue, logger })
      const running = worker.start()
      return {
        async [Symbol.asyncDispose]() {
          await worker.stop()
          await running
        },
      }
    },
    async [Symbol.asyncDispose]() {
      queue.close()
      database.close()
    },
  }
}
