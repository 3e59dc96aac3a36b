import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { EventChannel } from '../../src/index.js'
import { demand } from '../support/chosen.js'
import { rejects } from '../support/errors.js'
import { silent } from '../support/logger.js'
import { suite } from '../support/suite.js'
import { Taker } from '../support/world.js'

const test = suite('SQLite URLs')
const open = (url: string | URL) => EventChannel.open(url, { logger: silent })

/** Opens each, and returns how the files that it made are called. */
async function filesOf(folder: string, urls: readonly (string | URL)[]): Promise<readonly string[]> {
  for (const url of urls) {
    const channel = await open(url)
    await channel.publish('orders', 1)
    assert.is((await new Taker(channel, 'orders').take()).payload, 1)
    await channel.close({ drainMs: 0 })
  }
  return readdirSync(folder).filter((name) => !/-(wal|shm)$/.test(name))
}

test('a text names a file as it is, a URL object one whose name it has encoded', async () => {
  demand('sqlite')
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-urls-'))
  const path = join(folder, 'my größte app#1.db')
  const object = new URL(pathToFileURL(path).href.replace('file:', 'sqlite:'))
  assert.equal(await filesOf(folder, [`sqlite:${path}`, `sqlite://${path}`, object]), ['my größte app#1.db'])
  const odd = join(folder, '100%.db')
  assert.equal(await filesOf(folder, [`sqlite:${odd}`, new URL(`sqlite:${odd}`)]), ['100%.db', 'my größte app#1.db'])
  assert.ok((await filesOf(folder, [`sqlite:${folder}/a%20b.db`])).includes('a%20b.db'))
  rmSync(folder, { recursive: true })
})

test('parameters are refused, rather than taken for part of the name', async () => {
  const before = readdirSync('.')
  for (const url of ['sqlite:./app.db?mode=ro', 'sqlite:app.db?timeout=5', new URL('sqlite:./app.db?cache=shared')]) {
    await rejects(open(url), 'CONFIGURATION', /sqlite: takes no parameters: leave out what follows the question mark/)
  }
  assert.equal(readdirSync('.'), before)
})

test.run()
