import { createPool } from 'mysql2/promise'
import { EventChannel } from 'rowcast'
import { mysql } from 'rowcast/mysql'
import type { ConsumeOptions, Payload, Session, Settings } from '../contestant.js'

/**
 * rowcast many times over in one process, to stand for as many processes: an object for each channel. They share a pool, since
 * a server that is left as it is installed has no connections for a hundred.
 */
export async function open({ url, place, channels = [], options }: Settings): Promise<Session> {
  const where = { schema: place, tablePrefix: `${place}_`, ...options }
  const pool = createPool({ uri: url, charset: 'utf8mb4', connectionLimit: 20 })
  // One makes the tables.
  await (await EventChannel.open(url, where)).close()
  const objects = await Promise.all(
    channels.map(async (name) => ({ name, channel: await EventChannel.open(mysql({ pool }), where) })),
  )
  const by = ({ n }: Payload) => {
    const object = objects[n % objects.length]
    if (object === undefined) throw new Error('no channels')
    return object
  }
  return {
    publish: (payload) => by(payload).channel.publish(by(payload).name, payload),
    publishMany: (payloads) =>
      Promise.all(payloads.map((payload) => by(payload).channel.publish(by(payload).name, payload))),
    async consume(handler, { concurrency }: ConsumeOptions) {
      const listeners = objects.map(({ name, channel }) =>
        channel.listen(name, (event) => handler(event.payload as Payload), { concurrency }),
      )
      await Promise.all(listeners.map(({ ready }) => ready))
      return { [Symbol.asyncDispose]: async () => void (await Promise.all(listeners.map((each) => each.stop()))) }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(objects.map(({ channel }) => channel.close({ drainMs: 2_000 })))
      await pool.end()
    },
  }
}
