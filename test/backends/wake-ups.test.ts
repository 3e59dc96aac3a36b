import * as assert from 'uvu/assert'
import { database } from '../support/databases.js'
import { uniqueService } from '../support/postgres.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

const test = suite('wake-ups by notification')
/** So long that whatever arrives was told of by a notification. */
const NO_POLLING = { pollIntervalMs: 600_000 }

for (const backend of ['queue', 'log'] as const) {
  test(`a ${backend} is woken for as long as one subscription to a channel is there, and listens to nothing after the last`, async () => {
    const serviceName = uniqueService()
    await using world = await World.open(database('postgres'), { backend, ...NO_POLLING })
    const channel = await world.another({ serviceName })
    const lastSaid = async () => {
      const rows = await world.place.sql(
        `select query from pg_stat_activity where application_name = '${serviceName} listen'`,
      )
      return String(rows[0]?.query)
    }
    const woken = async (taker: Taker, payload: string) => {
      const next = taker.take()
      await world.channel.publish('orders', payload)
      const event = await next
      assert.is(event.payload, payload)
      await event.ack()
    }
    const [first, second] = [new Taker(channel, 'orders'), new Taker(channel, 'orders')]
    await Promise.all([first, second].map(({ subscription }) => subscription.ready))
    await first.leave()
    await woken(second, 'to the other')
    await second.leave()
    await eventually(SOON_MS, async () => /^UNLISTEN "rowcast_canary/.test(await lastSaid()))
    const third = new Taker(channel, 'orders')
    await third.subscription.ready
    await woken(third, 'to one that came back')
  })
}

test.run()
