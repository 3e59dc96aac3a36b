import { subscribe } from 'node:diagnostics_channel'
import { EventChannel, type TelemetryMessage } from 'rowcast'

/* What every channel object of this process does, as an exporter of spans or histograms would hear it. */

subscribe('rowcast:process', (message) => {
  const { fact } = message as TelemetryMessage
  if (fact.type === 'delivered') console.log(`attempt ${fact.attempt} on ${fact.channel}`, fact.waitMs >= 0)
  if (fact.type === 'handled') console.log(fact.error === null ? 'handled' : 'failed', fact.durationMs >= 0)
})
const settled = new Promise<void>((resolve) => {
  subscribe('rowcast:settle', (message) => {
    const { fact } = message as TelemetryMessage
    if (fact.type === 'settled') console.log(fact.how)
    if (fact.type === 'settled' && fact.how === 'ack') resolve()
  })
})

const channel = await EventChannel.open(process.env.ROWCAST_URL ?? 'sqlite::memory:', { backend: 'queue' })
const ship = async ({ attempts }: { attempts: number }) => {
  if (attempts === 1) throw new Error('the carrier does not answer')
}
await channel.listen('diagnostics.orders', ship, { backoff: () => 0 }).ready
await channel.publish('diagnostics.orders', 1)
await settled
await channel.close()
