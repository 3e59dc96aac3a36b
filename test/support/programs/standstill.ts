import { createPool } from 'mysql2/promise'
import { type AdapterSource, call, type Work } from '../../../src/adapters/adapter.js'
import { mysql, mysqlUrl } from '../../../src/adapters/mysql/index.js'
import { postgresUrl } from '../../../src/adapters/postgres/index.js'
import { silent } from '../logger.js'

/*
 * Locks the checkpoint of the group `g` on the channel `orders` and stops, inside the transaction, until somebody sends
 * SIGCONT: `standstill.ts <url> <own | shared> <channel options>`. Says what became of the transaction.
 */

const [url = '', pool = 'own', options = '{}'] = process.argv.slice(2)
const shared = pool === 'shared' ? createPool({ uri: url, connectionLimit: 1 }) : undefined
const adapter = await source().connect({
  schema: 'rowcast',
  tablePrefix: 'rowcast_',
  ...JSON.parse(options),
  listenUrl: undefined,
  serviceName: 'standstill',
  logger: silent,
})
const lead = {
  channels: ['orders'],
  consumer_group: 'g',
  lease_token: '00000000-0000-7000-8000-000000000000',
  lease_ms: 30_000,
  consumer: 'standstill',
}
if (shared !== undefined) {
  await adapter.transaction(() => call('now'))
  const [rows] = await shared.query('select @@session.wait_timeout = @@global.wait_timeout as restored')
  console.log(`restored ${(rows as { restored: number }[])[0]?.restored}`)
}
try {
  await adapter.transaction(standStill)
  console.log('committed')
} catch (error) {
  console.log(`ended: ${(error as { code?: string }).code}`)
}
await adapter[Symbol.asyncDispose]()
await shared?.end()

function source(): AdapterSource {
  if (shared !== undefined) return mysql({ pool: shared })
  return url.startsWith('postgres') ? postgresUrl(url) : mysqlUrl(url)
}

function* standStill(): Work<void> {
  yield* call('lead', lead)
  console.log('stands still')
  process.kill(process.pid, 'SIGSTOP')
  yield* call('now')
}
