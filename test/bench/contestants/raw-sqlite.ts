import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { EventChannel } from 'rowcast'
import type { Payload, Session, Settings } from '../contestant.js'
import { eventIds, repeat } from './event-ids.js'

const BATCH = 500

/** The driver `better-sqlite3` on rowcast's own queue table: `json_each` inserts, acks and the next claim in one transaction. */
export async function open({ url, place }: Settings): Promise<Session> {
  await (await EventChannel.open(url, { tablePrefix: `${place}_` })).close()
  const database = new Database(url.slice('sqlite:'.length), { timeout: 5_000 })
  database.pragma('journal_mode = wal')
  database.pragma('synchronous = normal')
  const ids = eventIds()
  const table = `"${place}_queue"`
  const now = "cast(unixepoch('subsec') * 1000 as integer)"
  const insert = database.prepare(`
    insert into ${table} (channel, priority, id, payload, attempts, max_attempts, created_at, available_at)
    select 'orders', 5, e.value ->> 0, e.value ->> 1, 0, 5, ${now}, ${now} from json_each(?) as e`)
  const ack = database.prepare(`
    delete from ${table} where (channel, priority, id) in (select 'orders', 5, value from json_each(?))`)
  const claim = database.prepare(`
    update ${table} set attempts = attempts + 1, lease_token = 'raw', lease_expires_at = ${now} + 30000
    where (channel, priority, id) in (
      select channel, priority, id from ${table}
      where channel = 'orders' and (lease_expires_at is null or lease_expires_at <= ${now})
      order by priority, id limit ${BATCH}
    ) returning id, payload`)
  const publishMany = async (payloads: readonly Payload[]) =>
    insert.run(JSON.stringify(payloads.map((payload) => [ids.next().value, JSON.stringify(payload)])))
  const exchange = database.transaction((held: readonly string[]) => {
    if (held.length > 0) ack.run(JSON.stringify(held))
    return claim.all() as { id: string; payload: string }[]
  })
  return {
    publish: (payload) => publishMany([payload]),
    publishMany,
    async consume(handler) {
      let held: string[] = []
      return repeat(async () => {
        const rows = exchange.immediate(held)
        held = rows.map(({ id }) => id)
        for (const { payload } of rows) void handler(JSON.parse(payload) as Payload)
        await (rows.length === 0 ? sleep(1) : turn())
      })
    },
    async [Symbol.asyncDispose]() {
      database.close()
    },
  }
}
