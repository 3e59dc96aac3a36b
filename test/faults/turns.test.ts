import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { type ChannelOptions, EventChannel } from '../../src/index.js'
import { database, type Place } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { Turns } from '../support/turns.js'
import { eventually } from '../support/wait.js'

/*
 * SQLite answers in the same tick: whatever goes on, timers and sockets must have their turns.
 */

const test = suite('turns of the event loop on sqlite')

/** Seven times what nothing of ours takes: work takes longer on a busy machine, too. What is tested took up to seconds. */
const MOST_MS = 150
/** How long a test may take on a busy machine. */
const DEADLINE_MS = 60_000
const DAY_MS = 86_400_000

interface Scene extends AsyncDisposable {
  readonly place: Place
  readonly channel: EventChannel
  /** Another connection to the file. */
  readonly database: Database.Database
  another(options?: ChannelOptions): Promise<EventChannel>
}

async function open(options: ChannelOptions = {}): Promise<Scene> {
  const place = await database('sqlite').place()
  const channels: EventChannel[] = []
  const another = async (more: ChannelOptions = {}) => {
    const channel = await EventChannel.open(place.url, { backend: 'queue', logger: silent, ...options, ...more })
    channels.push(channel)
    return channel
  }
  const channel = await another()
  const own = new Database(place.url.slice('sqlite:'.length), { timeout: 10_000 })
  return {
    place,
    channel,
    database: own,
    another,
    async [Symbol.asyncDispose]() {
      own.close()
      await Promise.all(channels.map((each) => each.close({ drainMs: 0 })))
      await place[Symbol.asyncDispose]()
    },
  }
}

/** Does the work; asserts that the event loop had its turns meanwhile. */
async function inTurns(work: () => Promise<unknown>): Promise<void> {
  // What was made ready before left garbage.
  await new Promise((resolve) => setTimeout(resolve, 20))
  using turns = new Turns()
  await work()
  assert.ok(turns.longestMs < MOST_MS, `the event loop was held up for ${turns.longestMs} ms of work`)
}

/** Rows by the thousand, past the library. */
function fill({ database: own }: Scene, count: number, insert: string): void {
  own.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count}) ${insert}`)
}

const ID = "printf('01900000-0000-7000-8000-%012d', i)"
const PAYLOAD = `'"${'x'.repeat(300)}"'`

test(
  'a loop of awaited publishes lets timers tick and leases live: an event in hand is handled once',
  async () => {
    await using scene = await open({ leaseMs: 600 })
    const { channel } = scene
    const attempts: number[] = []
    const handle = async (event: { attempts: number }) => {
      attempts.push(event.attempts)
      await new Promise((resolve) => setTimeout(resolve, 2_000))
    }
    await channel.listen('slow', handle).ready
    await channel.publish('slow', 1)
    await eventually(5_000, () => attempts.length === 1)
    await (await scene.another()).listen('slow', handle).ready
    await inTurns(async () => {
      const untilMs = performance.now() + 1_500
      while (performance.now() < untilMs) await channel.publish('other', 1)
    })
    await eventually(5_000, async () => (await channel.stats('slow')).length === 0)
    assert.equal(attempts, [1])
    assert.is(channel.telemetry.snapshot()['events.lease.lost'] ?? 0, 0)
  },
  DEADLINE_MS,
)

test(
  'so do a loop over events that are acked one by one, and handlers that return at once',
  async () => {
    await using scene = await open()
    const { channel } = scene
    const publish = async (name: string, count: number) => {
      for (let i = 0; i < count; i += 500) {
        await channel.publishMany(Array.from({ length: 500 }, () => ({ channel: name, payload: 'x'.repeat(100) })))
      }
    }
    await publish('iterated', 5_000)
    await inTurns(async () => {
      let count = 0
      for await (const event of channel.subscribe('iterated')) {
        await event.ack()
        if (++count === 5_000) break
      }
    })
    await publish('handled', 20_000)
    await inTurns(async () => {
      let count = 0
      channel.listen('handled', () => void count++, { concurrency: 10 })
      await eventually(DEADLINE_MS, () => count === 20_000)
    })
  },
  DEADLINE_MS,
)

test(
  'so does a crowd of callers with large payloads, and whoever takes those in',
  async () => {
    await using scene = await open()
    const { channel } = scene
    const payload = 'x'.repeat(200_000)
    await inTurns(async () => {
      const crowd = Array.from({ length: 20 }, async () => {
        for (let i = 0; i < 10; i++) await channel.publish('large', payload)
      })
      await Promise.all(crowd)
    })
    await inTurns(async () => {
      let count = 0
      channel.listen('large', () => void count++, { concurrency: 10 })
      await eventually(DEADLINE_MS, () => count === 200)
    })
  },
  DEADLINE_MS,
)

test(
  'so does retention, on a history and on a log with a part that a group holds back',
  async () => {
    const retentionMs = 1_000
    for (const backend of ['queue', 'log'] as const) {
      await using scene = await open({ backend, retentionMs: DAY_MS })
      const old = Date.now() - 3 * DAY_MS
      if (backend === 'queue') {
        fill(
          scene,
          100_000,
          `insert into rowcast_history (id, channel, priority, payload, attempts, outcome, created_at, settled_at)
           select ${ID}, 'a', 5, ${PAYLOAD}, 1, 'acked', ${old}, ${old} + i / 100 from n`,
        )
      } else {
        fill(
          scene,
          200_000,
          `insert into rowcast_log (channel, id, payload, created_at)
           select iif(i <= 100000, 'held', 'a'), ${ID}, ${PAYLOAD}, ${old} from n`,
        )
        await scene.channel.subscribe('held', { group: 'g', from: 'earliest' }).ready
      }
      const table = scene.place.table(backend === 'queue' ? 'history' : 'log')
      const left = scene.database.prepare(`select count(*) from ${table} where channel = 'a'`).pluck()
      await inTurns(async () => {
        await scene.another({ retentionMs })
        await eventually(DEADLINE_MS, () => Number(left.get()) <= 1, 500)
      })
      const held = scene.database.prepare(`select count(*) from ${table} where channel = 'held'`).pluck().get()
      assert.is(held, backend === 'log' ? 100_000 : 0)
    }
  },
  2 * DEADLINE_MS,
)

test(
  'so does what is due all at once',
  async () => {
    await using scene = await open()
    const now = Date.now()
    fill(
      scene,
      50_000,
      `insert into rowcast_scheduled (id, channel, priority, payload, attempts, max_attempts, created_at, available_at)
       select ${ID}, 'due', 5, ${PAYLOAD}, 0, 5, ${now}, ${now} from n`,
    )
    let count = 0
    await inTurns(async () => {
      scene.channel.listen('due', () => void count++, { concurrency: 10 })
      await eventually(DEADLINE_MS, () => count === 50_000)
    })
  },
  DEADLINE_MS,
)

test(
  'so do those who look after many dead letters, and who counts',
  async () => {
    await using scene = await open()
    const { channel, database: own } = scene
    const now = Date.now()
    const die = () =>
      fill(
        scene,
        30_000,
        `insert into rowcast_dead_letter (id, channel, priority, payload, attempts, max_attempts, created_at, died_at, error)
         select ${ID}, 'dead', 5, ${PAYLOAD}, 5, 5, ${now}, ${now}, 'no' from n`,
      )
    die()
    await inTurns(async () => assert.is((await channel.deadLetters.list({ limit: 10_000 })).length, 10_000))
    await inTurns(async () => assert.is(await channel.deadLetters.retry({ channel: 'dead' }), 30_000))
    own.exec('delete from rowcast_queue')
    die()
    await inTurns(async () =>
      assert.is(await channel.deadLetters.discard({ channel: 'dead' }, { reason: 'old' }), 30_000),
    )
    fill(
      scene,
      300_000,
      `insert into rowcast_queue (channel, priority, id, payload, attempts, max_attempts, created_at, available_at)
       select iif(i % 3, 'a', 'b'), 5, ${ID}, ${PAYLOAD}, 0, 5, ${now}, ${now} from n`,
    )
    await inTurns(async () =>
      assert.equal(
        (await channel.stats()).map(({ channel: name, ready }) => [name, ready]),
        [
          ['a', 200_000],
          ['b', 100_000],
        ],
      ),
    )
    assert.is((await channel.stats('b'))[0]?.ready, 100_000)
  },
  DEADLINE_MS,
)

test(
  'so does who asks how far a group is behind, and a member that finds a long log',
  async () => {
    await using scene = await open({ backend: 'log' })
    const now = Date.now()
    await scene.channel.subscribe('a', { group: 'g', from: 'earliest' }).ready
    fill(
      scene,
      1_500_000,
      `insert into rowcast_log (channel, id, payload, created_at) select iif(i % 2, 'a', 'b'), ${ID}, '1', ${now} from n`,
    )
    await inTurns(async () => assert.is((await scene.channel.groups.get('g', 'a'))?.lag, 750_000))
    await inTurns(async () => {
      const heads = (await scene.channel.stats()).map(({ channel, head }) => [channel, head])
      assert.equal(heads, [
        ['a', 1_499_999],
        ['b', 1_500_000],
      ])
    })
    const other = await scene.another()
    await inTurns(async () => {
      let count = 0
      other.listen('a', () => void count++, { group: 'g', concurrency: 10 })
      await eventually(DEADLINE_MS, () => count >= 20_000)
    })
  },
  DEADLINE_MS,
)

test.run()
