import { rmSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { defer } from '../../src/common/wait.js'
import { type ChannelOptions, EventChannel, RowcastError } from '../../src/index.js'
import { cutterOf } from '../support/cutter.js'
import { database, MYSQL_FAMILY, type Place, serverUrl } from '../support/databases.js'
import { limitFiles, smallDisk } from '../support/full-disk.js'
import { silent } from '../support/logger.js'
import { openRunDatabase, SERVERS } from '../support/servers/find.js'
import { askMysql } from '../support/servers/mysql.js'
import { askPostgres } from '../support/servers/postgres.js'
import { suite } from '../support/suite.js'
import { eventually, within } from '../support/wait.js'

/*
 * The database reads but takes no writes for a while: a standby after a failover, a full disk.
 */

const test = suite('a database that takes no writes for a while')
const DEADLINE_MS = 60_000
/** How long publishing may go on trying, in milliseconds. */
const REFUSED_WITHIN_MS = 10_000
/** How long to wait for what must happen soon, on a busy machine. */
const PATIENCE_MS = 20_000

interface Fault {
  /** The message of what callers meet. */
  readonly message: RegExp
  begin(): unknown
  end(): unknown
}

/** Publishes and handles before, during and after; nothing that was promised is lost, nothing refused is there. */
async function outlast(url: string, options: ChannelOptions, { message, begin, end }: Fault): Promise<void> {
  const complete = { backend: 'queue', logger: silent, leaseMs: 3_000, ...options } as const
  await using publisher = await EventChannel.open(url, complete)
  await using consumer = await EventChannel.open(url, complete)
  const handled: unknown[] = []
  const gate = defer<void>()
  let isHeld = false
  const listener = consumer.listen('orders', async ({ payload }) => {
    // One is in somebody's hands when it begins.
    if (payload === 'held') {
      isHeld = true
      await gate.promise
    }
    handled.push(payload)
  })
  const failures: unknown[] = []
  listener.failed.catch((error: unknown) => failures.push(error))
  const publish = (payload: unknown) => publisher.publish('orders', payload)
  for (let i = 0; i < 20; i++) await publish(i)
  await publish('held')
  await eventually(PATIENCE_MS, () => handled.length === 20 && isHeld)
  await publish('before')

  await begin()
  const many = Array.from({ length: 1_500 }, () => ({ channel: 'orders', payload: 'in vain' }))
  const attempts = [
    publish('in vain'),
    publisher.publish('orders', 'in vain', { delayMs: 100, key: 'k' }),
    publisher.publishMany(many),
  ]
  for (const outcome of await within(REFUSED_WITHIN_MS, Promise.allSettled(attempts), 'the refusals')) {
    const error: unknown = outcome.status === 'rejected' ? outcome.reason : 'it resolved'
    assert.instance(error, RowcastError, `${error}`)
    assert.match((error as RowcastError).message, message)
  }
  gate.resolve()
  assert.is((await publisher.health()).ok, true)
  await end()

  await eventually(PATIENCE_MS, () =>
    publish('after').then(
      () => true,
      () => false,
    ),
  )
  await eventually(PATIENCE_MS, async () => {
    const stats = await publisher.stats()
    return handled.includes('after') && stats.every(({ ready, leased, scheduled }) => ready + leased + scheduled === 0)
  })
  // The one that was held may have lost its lease meanwhile and been handled again.
  assert.equal(new Set(handled), new Set([...Array(20).keys(), 'held', 'before', 'after']))
  assert.equal(failures, [])
  assert.equal(await publisher.deadLetters.list(), [])
}

async function expectNothingHalfWritten(place: Place): Promise<void> {
  for (const table of ['queue', 'scheduled', 'dedupe']) {
    assert.equal(await place.sql(`select 1 from ${place.table(table)}`), [], table)
  }
}

test(
  'postgres: read-only',
  async () => {
    await using own = await openRunDatabase('postgres')
    await using place = await database('postgres').place(own.url)
    await using cutter = cutterOf(own.url)
    const name = new URL(own.url).pathname.slice(1)
    const set = async (value: string) => {
      await askPostgres(serverUrl('postgres'), `alter database ${name} ${value}`)
    }
    await outlast(own.url, place.options, {
      message: /takes no writes here .*read-only/,
      begin: async () => {
        await set('set default_transaction_read_only = on')
        await cutter.cut()
      },
      // Nobody ends the sessions that are read-only: whoever meets one must leave it.
      end: () => set('reset default_transaction_read_only'),
    })
    await expectNothingHalfWritten(place)
  },
  DEADLINE_MS,
)

for (const { name, place: placeOn } of MYSQL_FAMILY)
  test(
    `${name}: read-only`,
    async () => {
      await using server = await SERVERS[name].start()
      await askMysql(server.url, "create user app@'%'")
      await askMysql(server.url, 'create database app')
      await askMysql(server.url, "grant all on app.* to app@'%'")
      const url = `mysql://app@127.0.0.1:${server.port}/app`
      await using place = await placeOn(url)
      await outlast(url, place.options, {
        message: /takes no writes here .*read-only/,
        begin: () => askMysql(server.url, 'set global read_only = on'),
        end: () => askMysql(server.url, 'set global read_only = off'),
      })
      await expectNothingHalfWritten(place)
    },
    DEADLINE_MS,
  )

test(
  'sqlite: no file may grow',
  async () => {
    await using place = await database('sqlite').place()
    try {
      await outlast(place.url, place.options, {
        message: /cannot write its file .*disk has room/,
        begin: () => limitFiles(true),
        end: () => limitFiles(false),
      })
    } finally {
      limitFiles(false)
    }
    await expectNothingHalfWritten(place)
  },
  DEADLINE_MS,
)

test(
  'sqlite: a full disk',
  async () => {
    using disk = smallDisk(4 * 2 ** 20)
    if (disk === undefined) return
    const file = join(disk.folder, 'events.db')
    await outlast(
      `sqlite:${file}`,
      {},
      {
        message: /cannot write its file .*disk has room/,
        begin: () => disk.fill(),
        end: () => disk.clear(),
      },
    )
    rmSync(file)
  },
  DEADLINE_MS,
)

test('sqlite: a call that is larger than the disk is refused whole, and smaller ones go on', async () => {
  using disk = smallDisk(4 * 2 ** 20)
  if (disk === undefined) return
  await using channel = await EventChannel.open(`sqlite:${join(disk.folder, 'events.db')}`, { logger: silent })
  const large = Array.from({ length: 8 }, () => ({ channel: 'orders', payload: 'x'.repeat(900_000) }))
  const error = await channel.publishMany(large).catch((refusal: unknown) => refusal)
  assert.match(String(error), /cannot write its file/)
  assert.equal(await channel.stats(), [])
  const id = await channel.publish('orders', 1)
  for await (const event of channel.subscribe('orders')) {
    assert.is(event.id, id)
    await event.ack()
    break
  }
})

test.run()
