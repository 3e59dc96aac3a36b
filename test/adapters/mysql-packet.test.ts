import * as assert from 'uvu/assert'
import { EventChannel, PayloadError } from '../../src/index.js'
import { MYSQL_FAMILY } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { silent } from '../support/logger.js'
import { startMariadb } from '../support/servers/mariadb.js'
import { startMysql } from '../support/servers/mysql.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'
import { SOON_MS, Taker } from '../support/world.js'

/* On servers of the test's own, which take small statements only. */

const START_MS = 60_000
const MIB = 2 ** 20

for (const server of MYSQL_FAMILY) {
  const start = () => (server.name === 'mariadb' ? startMariadb : startMysql)(['--max-allowed-packet=1M'])
  const test = suite(`max_allowed_packet of 1 MiB on ${server.name}`)

  test('every list is cut to what the server takes', async () => {
    await using own = await start()
    await using place = await server.place(own.url)
    const options = { logger: silent, pollIntervalMs: 50, ...place.options } as const
    const channel = await EventChannel.open(place.url, { ...options, backend: 'queue' })
    // Keys, texts that JSON makes twice as long, and delays.
    const long = '"'.repeat(200)
    const keyed = Array.from({ length: 4_000 }, (_, i) => ({
      channel: 'keys',
      payload: i,
      key: `${'k'.repeat(200)}${i}`,
    }))
    assert.is(new Set(await channel.publishMany(keyed)).size, 4_000)
    assert.equal(await channel.publishMany(keyed.slice(0, 3_000)), await channel.publishMany(keyed.slice(0, 3_000)))
    await channel.publishMany(Array.from({ length: 2_500 }, () => ({ channel: 'quotes', payload: long })))
    await channel.publishMany(Array.from({ length: 2_500 }, () => ({ channel: 'delayed', payload: long, delayMs: 1 })))
    assert.equal(
      (await channel.stats()).map(({ channel: name, ready, scheduled }) => [name, ready + scheduled]),
      [
        ['delayed', 2_500],
        ['keys', 4_000],
        ['quotes', 2_500],
      ],
    )

    // Acks with long keys, and a thousand errors of two thousand characters, which make dead letters.
    const taker = new Taker(channel, ['keys', 'quotes'], { prefetch: 2_000 })
    const events = await taker.takeMany(2_000)
    const error = new Error('ё'.repeat(2_000))
    const settled = await Promise.all(
      events.map((event, i) => (i % 2 === 0 ? event.ack() : event.nack({ error, delayMs: i % 3 }))),
    )
    assert.ok(settled.every((held) => held))
    await taker.leave()
    const dying = channel.listen('dying', () => Promise.reject(error), { concurrency: 1_000 })
    await channel.publishMany(
      Array.from({ length: 1_000 }, () => ({ channel: 'dying', payload: long, maxAttempts: 1 })),
    )
    await eventually(SOON_MS, async () => (await channel.stats('dying'))[0]?.dead === 1_000)
    await dying.stop()
    assert.is(await channel.deadLetters.retry({ channel: 'dying' }), 1_000)

    // Thousands of channels in one subscription, of a queue and of a group.
    const names = Array.from({ length: 2_150 }, (_, i) => `${'n'.repeat(240)}${i}`)
    await channel.publish(names.at(-1) ?? '', 'found')
    const wide = new Taker(channel, names)
    assert.is((await wide.take(60_000)).payload, 'found')
    await wide.leave()
    await channel.close({ drainMs: 0 })

    const log = await EventChannel.open(place.url, { ...options, backend: 'log' })
    const group = new Taker(log, names, { group: 'g', from: 'earliest' })
    await log.publishMany(Array.from({ length: 1_000 }, (_, i) => ({ channel: names[i] ?? '', payload: long })))
    const read = [await group.take(60_000), ...(await group.takeMany(999))]
    assert.ok((await Promise.all(read.map((event) => event.ack()))).every((held) => held))
    await log.close({ drainMs: 0 })
  }, 120_000)

  test(
    'one event that is larger than the server takes is refused with its size, beside others that are stored',
    async () => {
      await using own = await start()
      await using place = await server.place(own.url)
      for (const backend of ['queue', 'log'] as const) {
        const channel = await EventChannel.open(place.url, {
          backend,
          logger: silent,
          maxPayloadBytes: 4 * MIB,
          ...place.options,
        })
        const large = 'x'.repeat(1.1 * MIB)
        const refused = rejects(
          channel.publish('orders', large),
          'PAYLOAD',
          /one event takes 1\d{6} bytes .* takes 104\d{4} \(max_allowed_packet\)/,
        )
        const stored = Promise.all([1, 2].map((n) => channel.publish('orders', n)))
        assert.instance(await refused, PayloadError)
        await stored
        await rejects(
          channel.publishMany([
            { channel: 'orders', payload: 1 },
            { channel: 'orders', payload: large },
          ]),
          'PAYLOAD',
          /one event takes/,
        )
        // One that fits alone, though not in a part of a list.
        await channel.publishMany([
          { channel: 'orders', payload: 'x'.repeat(0.9 * MIB) },
          { channel: 'orders', payload: 4 },
        ])
        assert.is((await channel.health()).ok, true)
        await channel.close()
      }
    },
    START_MS,
  )

  test.run()
}
