import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { readSources } from '../sql/read-sources.js'
import { findCircle, listSources, readImports, SRC } from './support/imports.js'
import { listSteps, SQL } from './support/sql.js'
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
  'engines/sql/migrate': 'engines/sql: migrate',
}

const LEAVES = ['event', 'options', 'common']
const BACKENDS = ['engines/sql/queue', 'engines/sql/log', 'engines/sql/notify']
const UNDER_BACKENDS = ['engines/sql/flow', 'engines/sql/verbs', 'engines/sql', 'engine', ...LEAVES]
const DATABASE = [
  'engines/sql/databases',
  'engines/sql/sources',
  'engines/sql/verbs',
  'engines/sql',
  'engine',
  ...LEAVES,
]

/** What each folder (or file at the root) may import; what is not here is refused. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  index: ['channel', 'consume', 'operate', 'engine', ...LEAVES],
  channel: ['publish', 'consume', 'operate', 'open', 'engine', ...LEAVES],
  open: ['engines/sql: entries', 'engine', 'options', 'common'],
  publish: ['engine', ...LEAVES],
  consume: ['engine', ...LEAVES],
  operate: ['engine', ...LEAVES],
  engine: LEAVES,
  event: ['options', 'common'],
  options: ['common'],
  common: [],
  'engines/sql: entries': [
    'engines/sql: engine',
    ...['postgres', 'mysql', 'sqlite'].map((name) => `engines/sql/databases/${name}`),
    'engine',
    'options',
  ],
  'engines/sql: engine': [
    ...BACKENDS,
    'engines/sql/operate',
    'engines/sql: migrate',
    'engines/sql/verbs',
    'engines/sql',
    'engine',
    'options',
  ],
  'engines/sql: migrate': ['engines/sql/verbs', 'engines/sql', 'engine', 'common'],
  'engines/sql/queue': UNDER_BACKENDS,
  'engines/sql/log': UNDER_BACKENDS,
  'engines/sql/notify': ['engines/sql: migrate', ...UNDER_BACKENDS],
  'engines/sql/operate': UNDER_BACKENDS,
  'engines/sql/flow': ['engines/sql/verbs', 'engines/sql', 'engine', ...LEAVES],
  'engines/sql/verbs': ['engines/sql', 'engine', 'event', 'common'],
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
    ['engines/sql/verbs/claim', 'engines/sql/flow/poller'],
    ['engines/sql/databases/mysql/session', 'engines/sql/databases/postgres/session'],
    ['engines/sql/databases/mysql/session', 'engines/sql/engine'],
    ['engines/sql/database', 'engines/sql/engine'],
    ['nowhere/at-all', 'event'],
  ] as const) {
    assert.equal(trespasses(new Map([[name, [next]]])), [`${name} → ${next}`])
  }
})

test('packages are imported where they belong', () => {
  const astray = (packages: ReadonlyMap<string, readonly string[]>) =>
    [...packages].flatMap(([name, imported]) =>
      imported.filter((each) => !PACKAGES[each]?.test(name)).map((each) => `${name} → ${each}`),
    )
  assert.equal(astray(readImports().packages), [])
  for (const [name, each] of [
    ['engines/sql/engine', 'pg'],
    ['engines/sql/databases/mysql/session', 'better-sqlite3'],
    ['consume/subscription', 'p-queue'],
    ['common/wait', 'never-heard-of'],
  ] as const) {
    assert.equal(astray(new Map([[name, [each]]])), [`${name} → ${each}`])
  }
})

test('nothing above the engines knows how one works, and nothing above the databases which one it is on', () => {
  const saying = (folder: RegExp, words: RegExp) =>
    listSources().filter((file) => folder.test(file) && words.test(readFileSync(join(SRC, file), 'utf8')))
  const INSIDE = /\badapter|dialect|\.run\('/i
  const COMPARED = /dialect(\.name)?\s*[!=]==/
  for (const planted of ['#adapter: Adapter', 'this.dialect', "unit.run('queue/claim')"]) assert.match(planted, INSIDE)
  for (const planted of ["dialect === 'mysql'", "dialect.name !== 'sqlite'"]) assert.match(planted, COMPARED)
  assert.equal(saying(/^(?!engines\/)/, INSIDE), [])
  assert.equal(saying(/^(?!engines\/sql\/databases\/)/, COMPARED), [])
})

test('no list is spread into the arguments of a call, where a hundred thousand overflow the stack', () => {
  const SPREAD = /\b(Math\.\w+|push|unshift|splice|concat|fromCharCode)\([^()[]*\.\.\./
  assert.match('Math.max(0, ...list)', SPREAD)
  const spreading = listSources().filter((file) => SPREAD.test(readFileSync(join(SRC, file), 'utf8')))
  assert.equal(spreading, [])
})

test('a file is a thought', () => {
  const long = listSources().filter(
    (file) =>
      readFileSync(join(SRC, file), 'utf8').split('\n').length > 300 && !file.startsWith('engines/sql/sources/'),
  )
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

const DIALECTS = ['postgres', 'mysql', 'sqlite'] as const

test('a statement is lowercase, alone in its step, and says what it does', () => {
  const faults = DIALECTS.flatMap((dialect) =>
    listSteps(dialect).flatMap(({ title, text }) => {
      const sql = text.replace(/--[^\n]*/g, '').replace(/'[^']*'/g, "''")
      const found = []
      if (!text.startsWith('-- ')) found.push('has no header')
      if (/[A-Z]/.test(sql)) found.push('is not lowercase')
      if (/;/.test(sql)) found.push('holds more than one statement')
      return found.map((fault) => `${dialect} ${title} ${fault}`)
    }),
  )
  assert.equal(faults, [])
})

test('every database answers the verbs that are asked', () => {
  const verbsOf = (dialect: string) => new Set(readSources(join(SQL, dialect)).verbs.map(({ name }) => name))
  const [postgres, ...others] = DIALECTS.map(verbsOf)
  const native = new Set([
    'queue/publish_one_notify',
    'queue/claim',
    'notify/broadcast',
    'notify/broadcast_one',
    'notify/wake',
    'notify/spill',
    'notify/read_spill',
    'notify/purge',
    'schema/find_policies',
    // SQLite's take_keys.sql answers for every key.
    'queue/find_keys',
  ])
  /**
   * SQLite answers in the same tick, so it counts a piece at a time. Only MySQL locks what is taken, has to be asked for what has
   * come, and reads what it acks.
   */
  const ofOne = new Set([
    'operate/count_lag',
    'queue/probe_keys',
    'queue/long_poll',
    'log/long_poll',
    'queue/ack_held_and_claim',
  ])
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
