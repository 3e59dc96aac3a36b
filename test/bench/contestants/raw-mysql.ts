import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { EventChannel } from 'rowcast'
import type { Payload, Session, Settings } from '../contestant.js'
import { eventIds, repeat } from './event-ids.js'

const BATCH = 500

/**
 * The driver `mysql2` on rowcast's own queue table: one connection at READ COMMITTED, a prepared insert of many rows,
 * claims by `skip locked`, the acks of one batch in the transaction that claims the next.
 */
export async function open({ url, place }: Settings): Promise<Session> {
  await (await EventChannel.open(url, { tablePrefix: `${place}_` })).close()
  const connection = await createConnection({ uri: url, timezone: 'Z' })
  await connection.query('set session transaction isolation level read committed')
  const ids = eventIds()
  const table = `\`${place}_queue\``
  const columns = 'channel, priority, id, payload, attempts, max_attempts, created_at, available_at'
  const row = "('orders', 5, ?, ?, 0, 5, utc_timestamp(6), utc_timestamp(6))"
  const insert = (payloads: readonly Payload[]) =>
    connection.execute(
      `insert into ${table} (${columns}) values ${payloads.map(() => row).join(', ')}`,
      payloads.flatMap((payload) => [ids.next().value, JSON.stringify(payload)]),
    )
  return {
    publish: (payload) => insert([payload]),
    publishMany: insert,
    async consume(handler) {
      let held: string[] = []
      return repeat(async () => {
        const rows = await exchange(held)
        held = rows.map(({ id }) => id)
        for (const { payload } of rows) void handler(JSON.parse(payload) as Payload)
        if (rows.length === 0) await sleep(1)
      })
    },
    [Symbol.asyncDispose]: () => connection.end(),
  }

  async function exchange(held: readonly string[]): Promise<readonly { id: string; payload: string }[]> {
    const where = "channel = 'orders' and priority = 5"
    await connection.query('start transaction')
    if (held.length > 0) await connection.query(`delete from ${table} where ${where} and id in (?)`, [held])
    const [rows] = await connection.query(
      `select id, payload from ${table} where ${where}
        and (lease_expires_at is null or lease_expires_at <= utc_timestamp(6))
        order by id limit ${BATCH} for update skip locked`,
    )
    const claimed = rows as { id: string; payload: string }[]
    if (claimed.length > 0) {
      await connection.query(
        `update ${table} set attempts = attempts + 1, lease_token = uuid(),
          lease_expires_at = date_add(utc_timestamp(6), interval 30 second) where ${where} and id in (?)`,
        [claimed.map(({ id }) => id)],
      )
    }
    await connection.query('commit')
    return claimed
  }
}
