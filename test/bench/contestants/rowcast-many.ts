import { EventChannel } from 'rowcast'
import type { ConsumeOptions, Payload, Session, Settings } from '../contestant.js'

/** rowcast many times over in one process: an object for each channel, with a pool of its own, as so many processes have. */
export async function open({ url, place, channels = [], options }: Settings): Promise<Session> {
  const where = { schema: place, tablePrefix: `${place}_`, ...options }
  // One makes the tables.
  await (await EventChannel.open(url, where)).close()
  const objects = await Promise.all(
    channels.map(async (name) => ({ name, channel: await EventChannel.open(url, where) })),
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
    [Symbol.asyncDispose]: async () =>
      void (await Promise.all(objects.map(({ channel }) => channel.close({ drainMs: 2_000 })))),
  }
}
