import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { type OpenOptions, sqlite } from '../src/engines/sql/sqlite.js'
import { EventChannel } from '../src/index.js'
import { database } from './support/databases.js'
import { rejects, throws } from './support/errors.js'
import { recorder, silent } from './support/logger.js'
import { suite } from './support/suite.js'

const test = suite("a SQLite database of the user's own")

test('what keeps every other connection from working is refused at open', async () => {
  await using place = await database('sqlite').place()
  const file = place.url.slice('sqlite:'.length)
  const readonly = new Database(file, { readonly: true })
  const opening = EventChannel.open(sqlite({ database: readonly }), { logger: silent })
  await rejects(opening, 'CONFIGURATION', /opened with readonly: true/)
  readonly.close()
  const exclusive = new Database(file)
  exclusive.pragma('locking_mode = exclusive')
  const another = EventChannel.open(sqlite({ database: exclusive }), { logger: silent })
  await rejects(another, 'CONFIGURATION', /locking_mode = exclusive.*use locking_mode = normal/)
  exclusive.close()
})

test('a change of its journal mode is told; other connections are opened as its owner says', async () => {
  await using place = await database('sqlite').place()
  const own = new Database(place.url.slice('sqlite:'.length))
  own.exec('create table theirs (x)')
  const logger = recorder()
  const opened: OpenOptions[] = []
  const open = (file: string, options: OpenOptions) => {
    opened.push(options)
    return new Database(file, options)
  }
  const channel = await EventChannel.open(sqlite({ database: own, open }), { logger })
  assert.equal(
    logger.lines.filter(({ message }) => /journal mode of the database file was changed/.test(message)).length,
    1,
  )
  assert.equal(opened, [{ timeout: 0, fileMustExist: true }])
  await channel.close()
  own.close()
})

test('publishing while its owner iterates on it is refused in words', async () => {
  const own = new Database(':memory:')
  own.exec('create table theirs (x); insert into theirs values (1), (2)')
  const channel = await EventChannel.open(sqlite({ database: own }), { logger: silent })
  for (const _ of own.prepare('select x from theirs').iterate()) {
    throws(
      () => channel.publishSync('orders', 1),
      'CONTENTION',
      /in the middle of a query of its owner: read it with all/,
    )
  }
  await channel.close()
  own.close()
})

test.run()
