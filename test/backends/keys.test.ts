import * as assert from 'uvu/assert'
import { FIRST_ID } from '../../src/common/clock.js'
import { findTaken } from '../../src/engines/sql/queue/keys.js'
import type { NewEvent } from '../../src/event.js'
import { MYSQL_FAMILY } from '../support/databases.js'
import { connectTo, databaseAt } from '../support/sql-database.js'
import { suite } from '../support/suite.js'
import { World } from '../support/world.js'

const COUNT = 2_500
const MOST = 1_000

/* What is asked about many keys takes long, and a time limit is for those that wait. */

for (const db of MYSQL_FAMILY) {
  const test = suite(`many dedupe keys on ${db.name}`)

  test('a thousand of them at most are asked for within a time limit, and all that are taken are found', async () => {
    await using world = await World.open(db)
    const keys = Array.from({ length: COUNT }, (_, i) => `k${i}`)
    const published = keys.map((key) => ({ channel: 'orders', payload: 1, key }))
    const ids = await world.channel.publishMany(published)
    await using database = await connectTo(databaseAt(world.place.url), world.place.options)
    const sizes: number[] = []
    const run = database.run.bind(database)
    database.run = (question, withinMs) => {
      sizes.push((question.parameters.keys as readonly unknown[]).length)
      return run(question, withinMs)
    }
    const events = [...keys, 'free'].map((key) => ({ ...EVENT, key }))
    const taken = await findTaken(database, events)
    assert.equal([...taken.values()].sort(), [...ids].sort())
    assert.is(Math.max(...sizes), MOST)
  })

  test.run()
}

const EVENT: NewEvent = {
  ...{ id: FIRST_ID, channel: 'orders', payload: '1', metadata: null, priority: 5, delay: null },
  ...{ key: null, maxAttempts: 5 },
}
