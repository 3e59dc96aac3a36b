import type { ConsumeOptions, Payload, Session, Settings } from '../contestant.js'
import { loadRival } from '../rivals/rivals.js'

interface Module {
  makeWorkerUtils(options: object): Promise<{
    migrate(): Promise<void>
    addJob(task: string, payload: object): Promise<unknown>
    addJobs(jobs: readonly object[]): Promise<unknown>
    release(): Promise<void>
  }>
  run(options: object): Promise<{ stop(): Promise<void> }>
  Logger: new (factory: () => () => void) => unknown
}

/** With its defaults; `tuned`: with the local queue and the batched completion that its manual recommends for speed. */
export async function open({ url, place, options }: Settings): Promise<Session> {
  const { makeWorkerUtils, run, Logger } = await loadRival<Module>('graphile-worker')
  const common = { connectionString: url, schema: place, logger: new Logger(() => () => undefined) }
  const tuned = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
  const preset = options?.tuned === true ? { preset: { worker: tuned } } : {}
  const utils = await makeWorkerUtils(common)
  await utils.migrate()
  return {
    publish: (payload) => utils.addJob('orders', payload),
    publishMany: (payloads) => utils.addJobs(payloads.map((payload) => ({ identifier: 'orders', payload }))),
    async consume(handler, { concurrency }: ConsumeOptions) {
      const taskList = { orders: (payload: unknown) => handler(payload as Payload) }
      const runner = await run({ ...common, ...preset, concurrency, noHandleSignals: true, taskList })
      return { [Symbol.asyncDispose]: () => runner.stop() }
    },
    [Symbol.asyncDispose]: () => utils.release(),
  }
}
