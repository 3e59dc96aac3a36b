import * as assert from 'uvu/assert'
import type { BackendName } from '../../src/index.js'
import { database } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { recorder } from '../support/logger.js'
import { bareRole } from '../support/postgres.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { SOON_MS, Taker, World } from '../support/world.js'

/*
 * A server whose queue of notifications is full, since somebody listens and never ends a transaction. It takes 8 GB to fill
 * one, so a function in its place refuses as the server does (seen on Postgres 18 with max_notify_queue_pages = 64).
 */

const test = suite('the queue of notifications is full')

/** A world, and a way into it by which every notification is refused while it is full. */
async function open(backend: BackendName) {
  const world = await World.open(database('postgres'), { backend })
  await world.channel.migrate()
  const role = await bareRole(world.place)
  await role.grantRows()
  const [name, shadow] = [new URL(role.url).username, `${world.place.options.schema}_shadow`]
  const define = (body: string) =>
    world.place.sql(
      `create or replace function ${shadow}.pg_notify(topic text, body text) returns void language plpgsql as $$ begin ${body} end $$`,
    )
  await world.place.sql(`create schema ${shadow}`)
  await world.place.sql(`grant usage on schema ${shadow} to ${name}`)
  await world.place.sql(`alter role ${name} set search_path = ${shadow}, pg_catalog`)
  const fill = () => define(`raise exception 'too many notifications in the NOTIFY queue' using errcode = '54000';`)
  await fill()
  const logger = recorder()
  const channel = await world.another({ autoMigrate: false, logger, pollIntervalMs: 100 }, role.url)
  return {
    world,
    logger,
    channel,
    empty: () => define('perform pg_catalog.pg_notify(topic, body);'),
    async [Symbol.asyncDispose]() {
      await channel.close({ drainMs: 0 })
      await world.place.sql(`drop schema ${shadow} cascade`)
      await role[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    },
  }
}

for (const backend of ['queue', 'log'] as const) {
  test(`a ${backend} stores what is published all the same, each event once, says so once, and delivers by polling`, async () => {
    await using full = await open(backend)
    const taker = new Taker(full.world.channel, 'orders', { pollIntervalMs: 100 })
    await Promise.all([taker.subscription.ready, full.channel.subscribe('others').ready])
    await full.channel.publish('orders', 1)
    const more = [2, 3].map((payload) => ({ channel: 'orders', payload }))
    await full.channel.publishMany(more)
    const seen = [await taker.take(), await taker.take(), await taker.take()]
    const payloads = seen.map(({ payload }) => payload)
    assert.equal(payloads, [1, 2, 3])
    const told = () => full.logger.lines.filter(({ message }) => /waking consumers along/.test(message))
    assert.equal(
      told().map(({ level }) => level),
      ['warn'],
    )
    assert.match(JSON.stringify(told()), /pg_notification_queue_usage/)
    await full.empty()
    await eventually(SOON_MS, async () => {
      await full.channel.publish('others', 4)
      return told().at(-1)?.level === 'info'
    })
  })
}

test('notify rejects, and says what to look at', async () => {
  await using full = await open('notify')
  await rejects(full.channel.publish('orders', 1), 'DATABASE', /no room for another notification.*pg_stat_activity/)
  await full.empty()
  const taker = new Taker(full.world.channel, 'orders')
  await taker.subscription.ready
  await full.channel.publish('orders', 2)
  assert.is((await taker.take()).payload, 2)
})

test.run()
