import { EventChannel, PayloadError } from 'rowcast'
import * as v from 'valibot'

/* A schema per channel (Zod, Valibot, ArkType, …): types for the compiler, checks at both ends. */

const schemas = {
  'typed.orders': v.object({
    total: v.pipe(v.number(), v.minValue(0)),
    placedAt: v.pipe(
      v.string(),
      v.isoTimestamp(),
      v.transform((text) => new Date(text)),
    ),
  }),
  'typed.refunds': v.object({ reason: v.string() }),
}

const url = process.env.ROWCAST_URL ?? 'sqlite::memory:'
const channel = await EventChannel.open(url, { backend: 'queue', schemas })

await channel.publish('typed.orders', { total: 42, placedAt: '2026-01-31T12:00:00.000Z' })
await channel.publish('typed.refunds', { reason: 'too late' })

try {
  await channel.publish('typed.orders', { total: -1, placedAt: '2026-01-31T12:00:00.000Z' })
} catch (error) {
  if (error instanceof PayloadError) console.log(error.message)
}

let left = 2
for await (const event of channel.subscribe(['typed.orders', 'typed.refunds'])) {
  // The name of the channel tells the compiler which payload it is; what arrives is what the schema made of it, a Date.
  if (event.channel === 'typed.orders') console.log(`order of ${event.payload.placedAt.getFullYear()}`)
  else console.log(`refund: ${event.payload.reason}`)
  await event.ack()
  if (--left === 0) break
}
await channel.close()
