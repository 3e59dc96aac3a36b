import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import * as assert from 'uvu/assert'
import { database } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { suite } from '../support/suite.js'
import { World } from '../support/world.js'

const test = suite('a checkpoint that the database refuses, on postgres')

const LEASE_MS = 2_000
const EVENTS = 4_500
/** Nothing comes for so long where a read is held up, in milliseconds. */
const HELD_UP_MS = 700

test('ends the term: what was being read is left to the next one, which takes no ack from the last', async () => {
  await using world = await World.open(database('postgres'), { backend: 'log', leaseMs: LEASE_MS })
  const { channel } = world
  await channel.publishMany(Array.from({ length: EVENTS }, (_, payload) => ({ channel: 'orders', payload })))
  const subscription = channel.subscribe('orders', { group: 'g', from: 'earliest' })
  const iterator = subscription[Symbol.asyncIterator]()
  const first = await iterator.next()
  await using reading = await holdUpReading(world)
  let held = first.value
  let next = iterator.next()
  for (;;) {
    const result = await Promise.race([next, sleep(HELD_UP_MS)])
    if (result === undefined) break
    assert.is(await held?.ack(), true)
    held = result.value
    next = iterator.next()
  }
  await refuse(world, true)
  await rejects(held?.ack() ?? Promise.resolve(), 'DATABASE', /refused/)
  await refuse(world, false)
  assert.ok(held?.signal.aborted)
  await reading[Symbol.asyncDispose]()
  const again = (await next).value
  assert.equal([again?.payload, again?.attempts], [held?.payload, 2])
  assert.is(await held?.ack(), false)
  assert.is(await again?.ack(), true)
  const after = (await iterator.next()).value
  assert.equal([after?.payload, after?.attempts], [Number(again?.payload) + 1, 1])
  assert.is(await after?.ack(), true)
})

async function holdUpReading({ place }: World): Promise<AsyncDisposable> {
  const { handle, rollback } = await place.begin()
  await (handle as pg.ClientBase).query(`lock table ${place.table('log')} in access exclusive mode`)
  let isOver = false
  return {
    async [Symbol.asyncDispose]() {
      if (!isOver) await rollback()
      isOver = true
    },
  }
}

/** Whether checkpoints are refused from now on. */
async function refuse({ place }: World, refusing: boolean): Promise<void> {
  const table = place.table('checkpoint')
  await place.sql(`create or replace function ${place.options.schema}.boom() returns trigger language plpgsql as
    $$ begin raise exception 'refused'; end $$`)
  if (refusing)
    await place.sql(
      `create trigger boom before update on ${table} for each row execute function ${place.options.schema}.boom()`,
    )
  else await place.sql(`drop trigger boom on ${table}`)
}

test.run()
