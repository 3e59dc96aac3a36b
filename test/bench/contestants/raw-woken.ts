import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { EventChannel } from 'rowcast'
import type { Payload, Session, Settings } from '../contestant.js'
import { eventIds } from './event-ids.js'
import { listening } from './listening.js'

/**
 * The least that an event of a queue takes from one process to another: the driver `pg` on rowcast's own table, an insert
 * that notifies, a claim by whoever hears of it, a delete. One connection for each end, named prepared statements; no
 * checks, no retries, nothing found by polling.
 */
export async function open({ url, place }: Settings): Promise<Session> {
  await (await EventChannel.open(url, { backend: 'queue', schema: place })).close()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const ids = eventIds()
  const table = `"${place}".queue`
  const insert = `
    insert into ${table} (channel, priority, id, payload, attempts, max_attempts, created_at, available_at)
    values ('orders', 5, $1, $2, 0, 5, now(), now())
    returning pg_notify('${place}', '')`
  const claim = `
    update ${table}
    set attempts = attempts + 1, lease_token = $1, lease_expires_at = now() + interval '30 s'
    where ctid = any (array(
      select ctid from ${table}
      where channel = 'orders' and (lease_expires_at is null or lease_expires_at <= now())
      order by channel, priority, id limit 10 for update skip locked
    ))
    returning id, payload::text`
  const ack = `delete from ${table} where channel = 'orders' and priority = 5 and id = any ($1::uuid[]) and lease_token = $2`
  const publish = (payload: Payload) =>
    client.query({ name: 'one', text: insert, values: [ids.next().value, JSON.stringify(payload)] })
  return {
    publish,
    publishMany: (payloads) => Promise.all(payloads.map(publish)),
    consume: (handler) =>
      listening(client, place, async () => {
        const token = randomUUID()
        const { rows } = await client.query<{ id: string; payload: string }>({
          name: 'claim',
          text: claim,
          values: [token],
        })
        for (const { payload } of rows) void handler(JSON.parse(payload) as Payload)
        await client.query({ name: 'ack', text: ack, values: [rows.map(({ id }) => id), token] })
      }),
    [Symbol.asyncDispose]: () => client.end(),
  }
}
