import { type ChannelOptions, EventChannel, type ListenOptions } from 'rowcast'
import type { ConsumeOptions, Payload, Session, Settings } from '../contestant.js'

const ONE_CHANNEL = ['orders']

/** rowcast with its defaults, but for what a line names. */
export async function open({ url, place, channels = ONE_CHANNEL, options }: Settings): Promise<Session> {
  const { listen = {}, ...rest } = (options ?? {}) as ChannelOptions & { listen?: ListenOptions }
  const channel = await EventChannel.open(url, { backend: 'queue', schema: place, tablePrefix: `${place}_`, ...rest })
  const nameOf = ({ n }: Payload) => channels[n % channels.length] ?? 'orders'
  return {
    publish: (payload) => channel.publish(nameOf(payload), payload),
    publishMany: (payloads) => channel.publishMany(payloads.map((payload) => ({ channel: nameOf(payload), payload }))),
    async consume(handler, { concurrency }: ConsumeOptions) {
      const listener = channel.listen(channels, (event) => handler(event.payload as Payload), {
        concurrency,
        ...listen,
      })
      await listener.ready
      return listener
    },
    [Symbol.asyncDispose]: () => channel.close({ drainMs: 2_000 }),
  }
}
