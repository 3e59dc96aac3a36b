import Database from 'better-sqlite3'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import { EventChannel } from 'rowcast'
import { mysql } from 'rowcast/mysql'
import { postgres } from 'rowcast/postgres'
import { sqlite } from 'rowcast/sqlite'

/* An order and its event in one transaction of yours: both are there after the commit, neither after a rollback. */

const { adapter, tx, sql, end } = await connect(process.env.ROWCAST_URL ?? ':memory:')
const channel = await EventChannel.open(adapter, { backend: 'queue' })
await sql('create table if not exists example_orders (total integer not null)')
for (const total of [42, -1, 7]) {
  await sql('begin')
  await sql(`insert into example_orders values (${total})`)
  await channel.publish('transaction.orders', { total }, { tx })
  await sql(total < 0 ? 'rollback' : 'commit')
}
for await (const event of channel.subscribe('transaction.orders')) {
  console.log(`${event.channel} ${JSON.stringify(event.payload)}`)
  await event.ack()
  if ((await channel.stats('transaction.orders')).length === 0) break
}
await channel.close()
await sql('drop table example_orders')
if ('release' in tx) tx.release()
await end() // what you opened is yours to close

async function connect(url: string) {
  if (/^postgres/.test(url)) {
    const pool = new pg.Pool({ connectionString: url })
    const tx = await pool.connect()
    return { adapter: postgres({ pool }), tx, sql: (text: string) => tx.query(text), end: () => pool.end() }
  }
  if (/^(mysql|mariadb)/.test(url)) {
    const pool = createPool(url.replace(/^mariadb/, 'mysql'))
    const tx = await pool.getConnection()
    return { adapter: mysql({ pool }), tx, sql: (text: string) => tx.query(text), end: () => pool.end() }
  }
  const tx = new Database(url)
  return {
    adapter: sqlite({ database: tx }),
    tx,
    sql: async (text: string) => tx.exec(text),
    end: async () => tx.close(),
  }
}
