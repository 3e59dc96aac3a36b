import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { sqlite } from '../../src/engines/sql/sqlite.js'
import { EventChannel } from '../../src/index.js'
import { Child } from '../support/child.js'
import { database } from '../support/databases.js'
import { rejects, throws } from '../support/errors.js'
import { recorder, silent } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'

/*
 * The file of a running process is moved, deleted, restored over, or damaged.
 */

const test = suite('a SQLite file that is replaced under its process')
/** How long to wait for what must happen soon, on a busy machine. */
const PATIENCE_MS = 10_000

async function open(logger = recorder()) {
  const place = await database('sqlite').place()
  const file = place.url.slice('sqlite:'.length)
  // The place's own connection would keep the journal alive.
  await place[Symbol.asyncDispose]()
  mkdirSync(dirname(file), { recursive: true })
  const channel = await EventChannel.open(`sqlite:${file}`, { backend: 'queue', logger })
  const handled: unknown[] = []
  await channel.listen('orders', ({ payload }) => void handled.push(payload)).ready
  await channel.publish('orders', 'before')
  await eventually(PATIENCE_MS, () => handled.length === 1)
  const backup = join(dirname(file), 'backup.db')
  const reader = new Database(file)
  await reader.backup(backup)
  reader.close()
  return {
    file,
    backup,
    channel,
    handled,
    logger,
    async [Symbol.asyncDispose]() {
      await channel.close({ drainMs: 0 })
      rmSync(dirname(file), { recursive: true, force: true })
    },
  }
}

const remove = (file: string, ...parts: string[]) => {
  for (const part of parts) rmSync(file + part, { force: true })
}

test('deleted: publishing rejects and says so, nothing is made anew, health is not ok; put back, all goes on', async () => {
  await using scene = await open()
  const { file, backup, channel, handled, logger } = scene
  remove(file, '', '-wal', '-shm')
  await eventually(PATIENCE_MS, async () => !(await channel.health()).ok)
  assert.match(
    String((await channel.health()).error),
    /ConnectionError: .*events\.db was moved or deleted while it was open/,
  )
  await rejects(channel.publish('orders', 'lost'), 'CONNECTION', /moved or deleted while it was open: put it back/)
  throws(() => channel.publishSync('orders', 'lost'), 'CONNECTION', /moved or deleted/)
  assert.not(existsSync(file))
  renameSync(backup, file)
  await eventually(PATIENCE_MS, async () => (await channel.health()).ok)
  await channel.publish('orders', 'after')
  await eventually(PATIENCE_MS, () => handled.includes('after'))
  assert.equal(handled, ['before', 'after'])
  const said = (pattern: RegExp) => logger.lines.filter(({ message }) => pattern.test(message)).length
  assert.equal([said(/file is lost/), said(/was replaced: going on/)], [1, 1])
})

test('a backup put in its place by a rename: the process goes on with that, says so, and leaves its journal alone', async () => {
  await using scene = await open()
  const { file, backup, channel, handled, logger } = scene
  remove(file, '-wal', '-shm')
  renameSync(backup, file)
  const other = await EventChannel.open(`sqlite:${file}`, { backend: 'queue', logger: silent })
  await eventually(PATIENCE_MS, () => logger.lines.some(({ message }) => /was replaced: going on/.test(message)))
  await other.publish('orders', 'theirs')
  await channel.publish('orders', 'ours')
  await eventually(PATIENCE_MS, () => handled.length === 3)
  assert.equal(handled.toSorted(), ['before', 'ours', 'theirs'])
  assert.equal(await other.stats(), [])
  await other.close()
  const own = new Database(file, { readonly: true })
  assert.is(own.pragma('integrity_check', { simple: true }), 'ok')
  own.close()
})

test('a file without our tables in its place is not touched, until one comes that has them', async () => {
  await using scene = await open()
  const { file, backup, channel } = scene
  const empty = `${file}.empty`
  new Database(empty).exec('create table t (x)').close()
  remove(file, '-wal', '-shm')
  renameSync(empty, file)
  await eventually(PATIENCE_MS, async () => !(await channel.health()).ok)
  await rejects(channel.publish('orders', 1), 'CONNECTION', /another file was put in the place of .*no such table/)
  const own = new Database(file, { readonly: true })
  assert.equal(own.prepare('select name from sqlite_master').pluck().all(), ['t'])
  own.close()
  remove(file, '-wal', '-shm')
  renameSync(backup, file)
  await eventually(PATIENCE_MS, async () => (await channel.health()).ok)
  await channel.publish('orders', 2)
})

test('its journal deleted: what was committed is saved, and nothing more is written past the others', async () => {
  await using scene = await open()
  const { file, channel } = scene
  await channel.publish('later', 'kept')
  remove(file, '-wal', '-shm')
  await eventually(PATIENCE_MS, async () => !(await channel.health()).ok)
  await rejects(
    channel.publish('orders', 1),
    'CONNECTION',
    /-wal or -shm of .* was deleted or replaced .* end every process/,
  )
  const other = await EventChannel.open(`sqlite:${file}`, { backend: 'queue', logger: silent })
  assert.equal(
    (await other.stats()).map(({ channel: name, ready }) => [name, ready]),
    [['later', 1]],
  )
  await other.close()
})

test('moved away and back again: nothing is lost', async () => {
  await using scene = await open()
  const { file, channel, handled } = scene
  for (const part of ['', '-wal', '-shm']) renameSync(file + part, `${file}${part}.away`)
  await eventually(PATIENCE_MS, async () => !(await channel.health()).ok)
  for (const part of ['-shm', '-wal', '']) renameSync(`${file}${part}.away`, file + part)
  await eventually(PATIENCE_MS, async () => (await channel.health()).ok)
  await channel.publish('orders', 'after')
  await eventually(PATIENCE_MS, () => handled.length === 2)
})

test("a database object of the user's stays on the file before: publishSync refuses it, the rest goes on", async () => {
  const place = await database('sqlite').place()
  const file = place.url.slice('sqlite:'.length)
  const own = new Database(file)
  const channel = await EventChannel.open(sqlite({ database: own }), { backend: 'queue', logger: silent })
  channel.publishSync('orders', 1)
  await own.backup(`${file}.backup`)
  remove(file, '-wal', '-shm')
  renameSync(`${file}.backup`, file)
  await eventually(PATIENCE_MS, () => channel.publish('orders', 2).then(() => true))
  await eventually(PATIENCE_MS, () => {
    try {
      channel.publishSync('orders', 3)
      return false
    } catch (error) {
      return /database object that was passed to sqlite\(\) is still on the one before/.test(String(error))
    }
  })
  await channel.close()
  own.close()
  await place[Symbol.asyncDispose]()
})

for (const how of ['garbage', 'garbage and no journal', 'truncated', 'copied'] as const) {
  test(`overwritten in place (${how}): the process lives, and what fails says what to do`, async () => {
    await using scene = await open()
    await using child = new Child('overwritten', [scene.file])
    await child.said(/ready/)
    await scene.channel.close()
    if (how === 'copied') copyFileSync(scene.backup, scene.file)
    else writeFileSync(scene.file, how.startsWith('garbage') ? Buffer.alloc(readFileSync(scene.file).length, 7) : '')
    if (how === 'garbage and no journal') truncateSync(`${scene.file}-wal`, 0)
    child.signal('SIGUSR2')
    await child.said(/done/)
    const { code, errors } = await child.end(PATIENCE_MS)
    assert.equal([code, errors], [0, ''])
    for (const line of child.lines) assert.not.match(line, /unexpected/)
  }, 60_000)
}

test.run()
