import { createPool } from 'mysql2/promise'
import type { DatabaseSource } from '../../../src/engines/sql/database.js'
import { fromOwn } from '../../../src/engines/sql/databases/mysql/index.js'
import { ask, type Work } from '../../../src/engines/sql/unit-of-work.js'
import { leaseGroup } from '../../../src/engines/sql/verbs/group.js'
import { readClock } from '../../../src/engines/sql/verbs/schema.js'
import { connectTo, databaseAt } from '../sql-database.js'

/*
 * Locks the checkpoint of the group `g` on the channel `orders` and stops, inside the transaction, until somebody sends
 * SIGCONT: `standstill.ts <url> <own | shared> <channel options>`. Says what became of the transaction.
 */

const [url = '', pool = 'own', options = '{}'] = process.argv.slice(2)
const shared = pool === 'shared' ? createPool({ uri: url, connectionLimit: 1 }) : undefined
const database = await connectTo(source(), JSON.parse(options), 'standstill')
const leader = { group: 'g', token: '00000000-0000-7000-8000-000000000000' }
if (shared !== undefined) {
  await database.transaction(() => ask(readClock()))
  const [rows] = await shared.query('select @@session.wait_timeout = @@global.wait_timeout as restored')
  console.log(`restored ${(rows as { restored: number }[])[0]?.restored}`)
}
try {
  await database.transaction(standStill)
  console.log('committed')
} catch (error) {
  console.log(`ended: ${(error as { code?: string }).code}`)
}
await database[Symbol.asyncDispose]()
await shared?.end()

function source(): DatabaseSource {
  if (shared !== undefined) return fromOwn({ pool: shared })
  return databaseAt(url)
}

function* standStill(): Work<void> {
  yield* ask(leaseGroup(['orders'], leader, 30_000, 'standstill'))
  console.log('stands still')
  process.kill(process.pid, 'SIGSTOP')
  yield* ask(readClock())
}
