import * as assert from 'uvu/assert'
import { handled, sleep } from '../../src/common/wait.js'
import { Behind } from '../support/behind.js'
import { ON_SERVERS } from '../support/databases.js'
import { suite } from '../support/suite.js'
import { within } from '../support/wait.js'
import { Taker } from '../support/world.js'

/* What settles events waits for a database that is away, on every channel at the same time: Node warns of a leak at the eleventh. */

const CHANNELS = 15
const AWAY_MS = 1_500
const PATIENCE_MS = 20_000

for (const db of ON_SERVERS) {
  const test = suite(`many channels while ${db.name} is away`)

  test('acks and nacks of all of them wait, are done afterwards, and draw no warning', async () => {
    const warnings: string[] = []
    const onWarning = ({ message }: Error) => void warnings.push(message)
    process.on('warning', onWarning)
    await using behind = await Behind.open(db, { leaseMs: 60_000 })
    const names = Array.from({ length: CHANNELS }, (_, i) => `orders-${i}`)
    await behind.channel.publishMany(names.flatMap((channel) => [1, 2, 3].map((payload) => ({ channel, payload }))))
    const events = await Promise.all(names.map((name) => new Taker(behind.channel, name, { prefetch: 3 }).takeMany(3)))
    behind.proxy.refuse(true)
    behind.proxy.cut()
    const settled = events.flatMap(([one, two, three]) => [one?.ack(), two?.nack({ delayMs: 60_000 }), three?.nack()])
    const settling = handled(Promise.all(settled))
    await sleep(AWAY_MS)
    behind.proxy.refuse(false)
    assert.equal(new Set(await within(PATIENCE_MS, settling, 'the settling')), new Set([true]))
    process.off('warning', onWarning)
    assert.equal(warnings, [])
  }, 60_000)

  test.run()
}
