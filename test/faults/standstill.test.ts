import * as assert from 'uvu/assert'
import { EventChannel } from '../../src/index.js'
import { Child } from '../support/child.js'
import { database } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'

/*
 * A process that is stopped in the middle of a transaction, and of its locks: the server ends the transaction, and the
 * others go on. (SQLite has no pause there to be stopped in: a transaction is one tick.)
 */

/** Over the five seconds after which the server ends it, and under the lease of what the process was about to lease. */
const PATIENCE_MS = 15_000

/** What mysql2 itself prints when MySQL says why it hangs up (4031), which nobody has asked. */
const DRIVER_NOTICE = /^Warning: got packets out of order\..*\n/m

const CASES = [
  { name: 'postgres', pool: 'own' },
  { name: 'mariadb', pool: 'own' },
  { name: 'mariadb', pool: 'shared' },
  { name: 'mysql', pool: 'own' },
  { name: 'mysql', pool: 'shared' },
] as const

for (const { name, pool } of CASES) {
  const test = suite(`a standstill inside a transaction on ${name}, ${pool} pool`)

  test('others take over, the process that stood still learns of it, and no session keeps the limit', async () => {
    await using place = await database(name).place()
    await using channel = await EventChannel.open(place.url, { ...place.options, backend: 'log', logger: silent })
    await using enrolled = channel.subscribe('orders', { group: 'g' })
    await enrolled.ready
    await enrolled.close()
    await using child = new Child('standstill', [place.url, pool, JSON.stringify(place.options)])
    await child.said(/stands still/)
    const seen: unknown[] = []
    channel.listen('orders', ({ payload }) => void seen.push(payload), { group: 'g' })
    await within(PATIENCE_MS, channel.publish('orders', 1), 'the publish, which waits for the listener')
    await eventually(PATIENCE_MS, () => seen.length === 1)
    child.signal('SIGCONT')
    await child.said(/ended: CONNECTION/)
    if (pool === 'shared') await child.said(/restored 1/)
    const { code, errors } = await child.end(5_000)
    assert.equal([code, errors.replace(DRIVER_NOTICE, '')], [0, ''])
  }, 60_000)

  test.run()
}
