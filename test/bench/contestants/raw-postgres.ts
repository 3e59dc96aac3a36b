import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { EventChannel } from 'rowcast'
import type { Payload, Session, Settings } from '../contestant.js'
import { eventIds, repeat } from './event-ids.js'

const BATCH = 500

/**
 * The driver `pg` on rowcast's own queue table: one connection, named prepared statements, one JSON parameter for many
 * rows, acks and the next claim in one statement; no checks, no retries, no wake-ups.
 */
export async function open({ url, place }: Settings): Promise<Session> {
  await (await EventChannel.open(url, { backend: 'queue', schema: place })).close()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const ids = eventIds()
  const table = `"${place}".queue`
  const columns = 'channel, priority, id, payload, attempts, max_attempts, created_at, available_at'
  const insertOne = `insert into ${table} (${columns}) values ('orders', 5, $1, $2, 0, 5, now(), now())`
  const insertMany = `insert into ${table} (${columns})
    select 'orders', 5, e.id, e.payload, 0, 5, now(), now() from json_to_recordset($1) as e (id uuid, payload json)`
  const exchange = `
    with acked as (
      delete from ${table} q using unnest($1::uuid[]) as s (id)
      where q.channel = 'orders' and q.priority = 5 and q.id = s.id and q.lease_token = $2
    ), head as materialized (
      select ctid from ${table}
      where channel = 'orders' and (lease_expires_at is null or lease_expires_at <= now())
      order by channel, priority, id limit ${BATCH} for update skip locked
    )
    update ${table} q
    set attempts = attempts + 1, lease_token = $3, lease_expires_at = now() + interval '30 s'
    where q.ctid = any (array(select ctid from head))
    returning q.id, q.payload::text`
  return {
    publish: (payload) =>
      client.query({ name: 'one', text: insertOne, values: [ids.next().value, JSON.stringify(payload)] }),
    publishMany(payloads) {
      const rows = payloads.map((payload) => ({ id: ids.next().value, payload }))
      return client.query({ name: 'many', text: insertMany, values: [JSON.stringify(rows)] })
    },
    async consume(handler) {
      // As autovacuum does in time: without statistics this statement reads the whole table for each batch.
      await client.query(`analyze ${table}`)
      let held: string[] = []
      let token = randomUUID()
      return repeat(async () => {
        const next = randomUUID()
        const { rows } = await client.query<{ id: string; payload: string }>({
          name: 'exchange',
          text: exchange,
          values: [held, token, next],
        })
        held = rows.map(({ id }) => id)
        token = next
        for (const { payload } of rows) void handler(JSON.parse(payload) as Payload)
        if (rows.length === 0) await sleep(1)
      })
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}
