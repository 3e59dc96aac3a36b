import pg from 'pg'
import { draining } from '../entries.js'
import type { Line, Pace } from '../line.js'
import type { Stage } from '../stage.js'
import { rowcast } from './who.js'

/** Rows that wait in another channel and for tomorrow, and a transaction that was open before all of it. */
async function burden(stage: Stage, { quick }: Pace): Promise<void> {
  const waiting = quick ? 100_000 : 1_000_000
  const queue = stage.place.table('queue')
  const scheduled = stage.place.table('scheduled')
  await stage.place.sql(`
    insert into ${queue} (channel, priority, id, payload, attempts, max_attempts, created_at, available_at)
    select 'other', 5, gen_random_uuid(), '{"fill":"${'x'.repeat(88)}"}', 0, 5, now(), now()
    from generate_series(1, ${waiting})`)
  await stage.place.sql(`
    insert into ${scheduled} (channel, priority, id, payload, attempts, max_attempts, created_at, available_at)
    select 'orders', 5, gen_random_uuid(), '{"fill":"${'x'.repeat(88)}"}', 0, 5, now(), now() + interval '1 day'
    from generate_series(1, ${waiting / 10})`)
  await stage.place.sql(`analyze ${queue}`)
  await stage.place.sql(`analyze ${scheduled}`)
  const client = new pg.Client({ connectionString: stage.place.url })
  await client.connect()
  await client.query('begin isolation level repeatable read')
  await client.query('select 1')
  stage.use({ [Symbol.asyncDispose]: () => client.end() })
}

export const burdenedLines: readonly Line[] = [
  {
    name: 'burdened',
    title: 'Postgres, queue: drain with 1 000 000 rows in another channel, 100 000 scheduled, an old transaction open',
    measure: 'rate',
    unit: 'events/s',
    entries: [
      draining({ ...rowcast, name: 'rowcast, burdened' }, { prepare: burden }),
      draining({ ...rowcast, name: 'rowcast, empty tables' }),
    ],
    targets: [{ of: 'rowcast, burdened', against: 'rowcast, empty tables', atLeast: 0.5 }],
  },
]
