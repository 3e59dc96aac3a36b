import pg from 'pg'
import type { Payload, Session, Settings } from '../contestant.js'
import { listening } from './listening.js'

/** The driver `pg` with LISTEN and `pg_notify`: one connection each, many notifications in one statement. */
export async function open({ url, place }: Settings): Promise<Session> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const many = 'select count(pg_notify($1, p)) from json_array_elements_text($2) as t (p)'
  return {
    publish: (payload) =>
      client.query({ name: 'one', text: 'select pg_notify($1, $2)', values: [place, JSON.stringify(payload)] }),
    publishMany: (payloads) =>
      client.query({
        name: 'many',
        text: many,
        values: [place, JSON.stringify(payloads.map((payload) => JSON.stringify(payload)))],
      }),
    consume: (handler) => listening(client, place, ({ payload = '' }) => void handler(JSON.parse(payload) as Payload)),
    [Symbol.asyncDispose]: () => client.end(),
  }
}
