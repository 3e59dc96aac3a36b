import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { findCircle, listSources, readImports, SRC } from './support/imports.js'
import { suite } from './support/suite.js'

const test = suite('architecture')
const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Files of a folder that stand above the rest of it: they are a place of their own. */
const ABOVE: Readonly<Record<string, string>> = {
  'engines/sql/postgres': 'engines/sql: entries',
  'engines/sql/mysql': 'engines/sql: entries',
  'engines/sql/sqlite': 'engines/sql: entries',
  'engines/sql/engine': 'engines/sql: engine',
  'engines/sql/open-backend': 'engines/sql: engine',
}

const LEAVES = ['event', 'options', 'common']
const BACKENDS = ['engines/sql/queue', 'engines/sql/log', 'engines/sql/notify']
const UNDER_BACKENDS = ['engines/sql/flow', 'engines/sql', 'engine', ...LEAVES]
const DATABASE = ['engines/sql/databases', 'engines/sql/sources', 'engines/sql', 'engine', ...LEAVES]

/** What each folder (or file at the root) may import; what is not here is refused. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  index: ['channel', 'consume', 'operate', 'engine', ...LEAVES],
  channel: ['publish', 'consume', 'operate', 'open', 'engine', ...LEAVES],
  open: ['engines/sql: entries', 'engine', 'common'],
  publish: ['engine', ...LEAVES],
  consume: ['engine', ...LEAVES],
  operate: ['engine', ...LEAVES],
  engine: LEAVES,
  options: ['event', 'common'],
  event: ['common'],
  common: [],
  'engines/sql: entries': [
    'engines/sql: engine',
    ...['postgres', 'mysql', 'sqlite'].map((name) => `engines/sql/databases/${name}`),
    'engine',
    'options',
  ],
  'engines/sql: engine': [...BACKENDS, 'engines/sql', 'engine', 'options'],
  'engines/sql/queue': ['engines/sql/operate', ...UNDER_BACKENDS],
  'engines/sql/log': ['engines/sql/operate', ...UNDER_BACKENDS],
  'engines/sql/notify': UNDER_BACKENDS,
  'engines/sql/operate': UNDER_BACKENDS,
  'engines/sql/flow': ['engines/sql', 'engine', ...LEAVES],
  'engines/sql/databases/postgres': DATABASE,
  'engines/sql/databases/mysql': DATABASE,
  'engines/sql/databases/sqlite': DATABASE,
  'engines/sql/databases': ['engines/sql', 'common'],
  'engines/sql/sources': ['engines/sql'],
  'engines/sql': ['engine', 'common'],
}

/** Where a package may be imported; packages that are not here may not be imported at all. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  pg: /^engines\/sql\/databases\/postgres\//,
  'pg-listen': /^engines\/sql\/databases\/postgres\//,
  'mysql2/promise': /^engines\/sql\/databases\/mysql\//,
  'better-sqlite3': /^engines\/sql\/databases\/sqlite\//,
  'p-queue': /^consume\/listener$/,
  uuidv7: /^publish\/event-ids$/,
  valibot: /^options\//,
}

/** The folder of a module, or the module itself where it is at the root or above the rest of its folder. */
const placeOf = (name: string) => ABOVE[name] ?? name.replace(/\/[^/]*$/, '')

const trespasses = (modules: ReadonlyMap<string, readonly string[]>) =>
  [...modules].flatMap(([name, imported]) =>
    imported
      .filter((next) => placeOf(next) !== placeOf(name) && !ALLOWED[placeOf(name)]?.includes(placeOf(next)))
      .map((next) => `${name} → ${next}`),
  )

test('each folder imports what it may', () => {
  const { modules } = readImports()
  assert.equal(trespasses(modules), [])
  const places = new Set([...modules.keys()].map(placeOf))
  assert.equal(
    Object.keys(ALLOWED).filter((place) => !places.has(place)),
    [],
  )
})

test('imports run in no circle', () => {
  assert.is(findCircle(readImports().modules), undefined)
})

test('these checks would notice', () => {
  const modules = new Map([
    ['channel', ['engine']],
    ['engine', ['event']],
    ['event', ['channel']],
  ])
  assert.equal(findCircle(modules), ['channel', 'engine', 'event', 'channel'])
  assert.equal(trespasses(modules), ['event → channel'])
  for (const [name, next] of [
    ['channel', 'engines/sql/database'],
    ['consume/message', 'publish/line'],
    ['common/wait', 'event'],
    ['engines/sql/flow/poller', 'engines/sql/queue/inbox'],
    ['engines/sql/databases/mysql/session', 'engines/sql/databases/postgres/session'],
    ['engines/sql/databases/mysql/session', 'engines/sql/engine'],
    ['engines/sql/database', 'engines/sql/engine'],
    ['nowhere/at-all', 'event'],
  ] as const) {
    assert.equal(trespasses(new Map([[name, [next]]])), [`${name} → ${next}`])
  }
})

test('packages are imported where they belong', () => {
  const { packages } = readImports()
  const astray = [...packages].flatMap(([name, imported]) =>
    imported.filter((each) => !PACKAGES[each]?.test(name)).map((each) => `${name} → ${each}`),
  )
  assert.equal(astray, [])
})

test('nothing above the engines knows how one works, and nothing above the databases which one it is on', () => {
  const saying = (folder: RegExp, words: RegExp) =>
    listSources().filter((file) => folder.test(file) && words.test(readFileSync(join(SRC, file), 'utf8')))
  assert.equal(saying(/^(?!engines\/)/, /\badapter|dialect|\.run\('/i), [])
  assert.equal(saying(/^(?!engines\/sql\/databases\/)/, /dialect(\.name)?\s*[!=]==/), [])
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
