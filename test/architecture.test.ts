import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { findCircle, findUpward, listSources, readImports, SRC } from './support/imports.js'
import { suite } from './support/suite.js'

const test = suite('architecture')
const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** From the top down: a module may import from its own layer and those below it. What is in none of them is a leaf. */
const LAYERS: readonly RegExp[] = [
  /^index$/,
  /^channel$/,
  /^letting-go$/,
  /^(consumers|publishing|dead-letters|groups|health)$/,
  /^listener$/,
  /^(subscription|intake|in-hand|decoder|message)$/,
  /^backends\/open$/,
  /^backends\/(notify|queue)\//,
  /^backends\//,
  /^target$/,
  /^adapters\/(postgres|mysql|sqlite)\//,
  /^(migrate|migrations)$/,
  /^adapters\//,
  /^statements$/,
]

/** Where a package may be imported; packages that are not here may not be imported at all. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  pg: /^adapters\/postgres\//,
  'pg-listen': /^adapters\/postgres\//,
  'mysql2/promise': /^adapters\/mysql\//,
  'better-sqlite3': /^adapters\/sqlite\//,
  'p-queue': /^listener$/,
  uuidv7: /^clock$/,
  valibot: /^(resolve|option-parser|option-schemas)$/,
}

const layerOf = (name: string) => {
  const layer = LAYERS.findIndex((pattern) => pattern.test(name))
  return layer < 0 ? LAYERS.length : layer
}

test('imports point down', () => {
  assert.equal(findUpward(readImports().modules, layerOf), [])
})

test('imports run in no circle', () => {
  assert.is(findCircle(readImports().modules), undefined)
})

test('these checks would notice', () => {
  const modules = new Map([
    ['channel', ['adapters/adapter']],
    ['adapters/adapter', ['event']],
    ['event', ['channel']],
  ])
  assert.equal(findCircle(modules), ['channel', 'adapters/adapter', 'event', 'channel'])
  assert.equal(findUpward(modules, layerOf), ['event → channel'])
})

test('packages are imported where they belong, and one database does not know another', () => {
  const { modules, packages } = readImports()
  const astray = [...packages].flatMap(([name, imported]) =>
    imported.filter((each) => !PACKAGES[each]?.test(name)).map((each) => `${name} → ${each}`),
  )
  assert.equal(astray, [])
  const folder = (name: string) => /^adapters\/(\w+)\//.exec(name)?.[1]
  const crossing = [...modules].flatMap(([name, imported]) =>
    imported.filter((next) => folder(name) && folder(next) && folder(name) !== folder(next)),
  )
  assert.equal(crossing, [])
})

test('nothing outside the adapters asks which database it is on', () => {
  const asking = listSources().filter(
    (file) => !file.startsWith('adapters/') && /dialect(\.name)?\s*[!=]==/.test(readFileSync(join(SRC, file), 'utf8')),
  )
  assert.equal(asking, [])
})

test('no list is spread into the arguments of a call, where a hundred thousand overflow the stack', () => {
  const SPREAD = /\b(Math\.\w+|push|unshift|splice|concat|fromCharCode)\([^()[]*\.\.\./
  assert.match('Math.max(0, ...list)', SPREAD)
  const spreading = listSources().filter((file) => SPREAD.test(readFileSync(join(SRC, file), 'utf8')))
  assert.equal(spreading, [])
})

test('a file is a thought', () => {
  const long = listSources().filter((file) => readFileSync(join(SRC, file), 'utf8').split('\n').length > 300)
  assert.equal(long, [])
})

test('the top level holds what it should', () => {
  const tracked = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n')
  const top = new Set(tracked.map((file) => file.split('/')[0] ?? ''))
  const known = [
    'src',
    'sql',
    'test',
    'docs',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'README.md',
    'LICENSE',
  ]
  assert.equal(
    [...top].filter((name) => !name.startsWith('.') && !known.includes(name)),
    [],
  )
})

const SQL_FOLDERS = ['postgres', 'mysql', 'sqlite'].map((dialect) => join(ROOT, 'sql', dialect))

test('a statement is lowercase, alone in its file, and says what it does', () => {
  const faults = SQL_FOLDERS.flatMap((folder) =>
    readdirSync(join(folder, 'statements')).flatMap((file) => {
      const text = readFileSync(join(folder, 'statements', file), 'utf8')
      const sql = text.replace(/--[^\n]*/g, '').replace(/'[^']*'/g, "''")
      const found = []
      if (!text.startsWith('-- ')) found.push('has no header')
      if (/[A-Z]/.test(sql)) found.push('is not lowercase')
      if (/;/.test(sql)) found.push('holds more than one statement')
      return found.map((fault) => `${file} ${fault}`)
    }),
  )
  assert.equal(faults, [])
})

test('every database answers the verbs that are asked', () => {
  const verbsOf = (folder: string) =>
    new Set(readdirSync(join(folder, 'statements')).map((file) => file.split('.')[0] ?? ''))
  const [postgres, ...others] = SQL_FOLDERS.map(verbsOf)
  const native = new Set([
    'publish_one_notify',
    'claim',
    'broadcast',
    'broadcast_one',
    'notify',
    'spill',
    'read_spill',
    'purge_spill',
    'find_policies',
    // SQLite's dedupe.sql answers for every key.
    'find_keys',
  ])
  /** SQLite answers in the same tick, so it counts a piece at a time; only MySQL locks what is taken, and has to be asked for what has come. */
  const ofOne = new Set(['count_lag', 'probe_keys', 'long_poll_queue', 'long_poll_log'])
  for (const verbs of others) {
    assert.equal(
      [...(postgres ?? [])].filter((verb) => !native.has(verb) && !verbs.has(verb)),
      [],
    )
    assert.equal(
      [...verbs].filter((verb) => !postgres?.has(verb) && !ofOne.has(verb)),
      [],
    )
  }
})

test.run()
