import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { mysqlDialect } from '../src/engines/sql/databases/mysql/dialect.js'
import { postgresDialect } from '../src/engines/sql/databases/postgres/dialect.js'
import { sqliteDialect } from '../src/engines/sql/databases/sqlite/dialect.js'
import { bind, compile, type Dialect, elementsOf, isIdle, localize, Statements } from '../src/engines/sql/statements.js'
import { listSources, SRC } from './support/imports.js'
import { readSql } from './support/sql.js'
import { suite } from './support/suite.js'

const test = suite('statements')

const POSTGRES = postgresDialect('rowcast')
const DIALECTS = [POSTGRES, mysqlDialect('rowcast_'), sqliteDialect('rowcast_')] as const
const textOf = (source: string, dialect: Dialect = POSTGRES) => compile(dialect, 'x', undefined, source).text
const parametersOf = (source: string, dialect: Dialect = POSTGRES) =>
  compile(dialect, 'x', undefined, source).parameters

test('a parameter becomes the placeholder of its dialect, once for each use where values go by position', () => {
  const source = 'select :b, :a, :b'
  const [postgres, mysql, sqlite] = DIALECTS.map((dialect) => compile(dialect, 'x', undefined, source))
  assert.equal([postgres?.text, postgres?.parameters], ['select $1, $2, $1', ['b', 'a']])
  assert.equal([mysql?.text, mysql?.parameters], ['select ?, ?, ?', ['b', 'a', 'b']])
  assert.equal([sqlite?.text, sqlite?.parameters], ['select ?, ?, ?', ['b', 'a', 'b']])
})

test('a cast is no parameter, and may follow one', () => {
  assert.is(textOf('select a::text, :b::json, null::integer'), 'select a::text, $1::json, null::integer')
  assert.equal(parametersOf('select a::text, :b::json'), ['b'])
  assert.is(textOf('select list[1:n]'), 'select list[1:n]')
})

test('a string is left as it is, whatever it holds', () => {
  for (const text of [`':a'`, `'a :b c'`, `'-- :a'`, `'rowcast.queue'`, `'it''s :a'`, `''`, `'$.a:b'`, `'00:00:00'`]) {
    assert.is(textOf(`select ${text}, :real`), `select ${text}, $1`)
    assert.equal(parametersOf(`select ${text}, :real`), ['real'])
  }
})

test('a comment goes, whatever it holds', () => {
  const source = "-- It's :a, says rowcast.queue; twice.\nselect :b -- and :c\nfrom rowcast.queue -- end"
  assert.is(textOf(source), 'select $1 \nfrom "rowcast"."queue"')
  assert.equal(parametersOf(source), ['b'])
})

test('a relation of ours is written once, and what is written is not read again', () => {
  const schema = `a"b:c'--rowcast.queue$1$&`
  const [text, parameters] = [textOf, parametersOf].map((of) =>
    of('select :d from rowcast.queue', postgresDialect(schema)),
  )
  assert.is(text, `select $1 from "a""b:c'--rowcast.queue$1$&"."queue"`)
  assert.equal(parameters, ['d'])
  assert.is(textOf('from rowcast_queue', mysqlDialect('`:x')), 'from ```:xqueue`')
  assert.is(textOf('from rowcast_queue', sqliteDialect('":x')), 'from """:xqueue"')
  assert.is(textOf('from other.rowcastle, myrowcast.queue'), 'from other.rowcastle, myrowcast.queue')
})

test('localized SQL keeps everything but comments and our names', () => {
  assert.is(
    localize(POSTGRES, "-- a\ncreate table rowcast.a (b text default ':c'); -- d\n"),
    `create table "rowcast"."a" (b text default ':c')`,
  )
})

test('a verb of one file or of several steps, in order', () => {
  const statements = new Statements(mysqlDialect('rowcast_'))
  assert.equal(
    statements.get('promote').map(({ name, step }) => [name, step]),
    [
      ['promote.1-ripe', 'ripe'],
      ['promote.2-due', 'due'],
      ['promote.3-stored', 'stored'],
      ['promote.4-removed', 'removed'],
    ],
  )
  assert.equal(
    statements.get('publish').map(({ name, step }) => [name, step]),
    [['publish', undefined]],
  )
})

test('a verb that is not there is an error that names it', () => {
  assert.throws(() => new Statements(POSTGRES).get('vacuum'), /no statement named vacuum/)
})

test('values go in by position, lists as JSON, and a missing one is an error that names it', () => {
  const statement = compile(mysqlDialect('rowcast_'), 'claim', undefined, 'select :a, :b, :c, :a')
  assert.equal(bind(statement, { a: 1, b: [{ c: "'" }], c: null }), [1, `[{"c":"'"}]`, null, 1])
  assert.throws(() => bind(statement, { a: 1, b: [] }), /claim needs the parameter c/)
})

test('a statement may take the elements of a list one at a time, their fields in its places', () => {
  const statement = compile(sqliteDialect('rowcast_'), 'ack', undefined, 'select :a, :list.id, :list.token')
  assert.is(statement.text, 'select ?, ?, ?')
  assert.equal(statement.each, {
    list: 'list',
    fields: [
      { list: 'list', index: 1, field: 'id' },
      { list: 'list', index: 2, field: 'token' },
    ],
  })
  assert.equal(bind(statement, { a: 1, list: [{ id: 2 }] }), [1, null, null])
  assert.equal(elementsOf(statement, { a: 1, list: [{ id: 2 }] }), [{ id: 2 }])
  assert.throws(() => elementsOf(statement, { a: 1 }), /ack needs the list list/)
  assert.is(isIdle(statement, { a: 1, list: [] }), true)
  assert.is(isIdle(statement, { a: 1, list: [{}] }), false)
})

test('a list that is read by position travels as arrays, whatever order its fields have', () => {
  const columns = `(\n  id char(36) character set ascii path '$[0]',\n  error text path '$[1]'\n)`
  const source = `select 1 from json_table(:held, '$[*]' columns ${columns}) as h, json_table(:other, '$[*]' columns (\n  a int path '$.a'\n)) as o`
  const statement = compile(mysqlDialect('rowcast_'), 'x', undefined, source)
  assert.equal([...statement.layouts], [['held', ['id', 'error']]])
  const parameters = { held: [{ error: 'no', more: 1, id: 'i' }, { id: 'j' }], other: [{ a: 1 }] }
  assert.equal(bind(statement, parameters), ['[["i","no"],["j",null]]', '[{"a":1}]'])
})

test('a step has nothing to do when one of its lists is empty or it may take no rows', () => {
  const statement = compile(POSTGRES, 'x', undefined, 'select :list, :limit, :other')
  assert.is(isIdle(statement, { list: [1], limit: 1, other: 0 }), false)
  assert.is(isIdle(statement, { list: [], limit: 1, other: 0 }), true)
  assert.is(isIdle(statement, { list: [1], limit: 0, other: 0 }), true)
  assert.is(isIdle(compile(POSTGRES, 'x', undefined, 'select :other'), { list: [], limit: 0, other: 0 }), false)
})

/** What the header of a statement says that it takes. */
function readHeader(text: string): { parameters: readonly string[]; fields: readonly string[] } {
  const [, header = ''] = /^((?:--[^\n]*\n)+)/.exec(text) ?? []
  const sentence = header.replace(/^-- ?/gm, '').replace(/\n/g, ' ').split('Params: ')[1] ?? ''
  const end = sentence.replace(/\([^)]*\)/g, (group) => ' '.repeat(group.length)).indexOf('.')
  const said = sentence.slice(0, end + 1)
  const names = said.replace(/\([^)]*\)|\./g, '').split(',')
  const fields = [...said.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = '']) => list.split(','))
  return { parameters: trimmed(names), fields: trimmed(fields) }
}

/** The fields of a JSON parameter that a statement reads, as each dialect writes it. */
function readFields(text: string): readonly string[] {
  const records = [...text.matchAll(/json_to_recordset\([^)]*\) as (?:\w+ )?\(([^)]*)\)/g)].flatMap(
    ([, columns = '']) => columns.split(',').map((column) => column.trim().split(' ')[0] ?? ''),
  )
  const paths = [...text.matchAll(/(?:path '\$\.|->> ')(\w+)'|:[a-z_]+\.(\w+)|(\w+) .*path '\$\[\d+\]'/g)]
  return trimmed([...records, ...paths.map(([, named, each, placed]) => named ?? each ?? placed ?? '')])
}

function trimmed(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))].sort()
}

for (const dialect of DIALECTS) {
  const files = readSql(dialect.name, 'statements')
  const nameOf = (file: string) => `${dialect.name} ${file}`

  test(`each statement for ${dialect.name} says in its header which parameters it takes`, () => {
    const faults = files.flatMap(({ name, text }) => {
      const said = readHeader(text).parameters
      const used = trimmed(compile(dialect, name, undefined, text).parameters.map((used) => used.split('.')[0] ?? ''))
      return String(said) === String(used) ? [] : [`${nameOf(name)} says ${said}, takes ${used}`]
    })
    assert.equal(faults, [])
  })

  test(`each statement for ${dialect.name} says in its header which fields its lists have`, () => {
    const faults = files.flatMap(({ name, text }) => {
      const said = readHeader(text).fields
      const read = readFields(text)
      // The rows of a step before have their names from there.
      const takesRows = /\brows? of the/.test(text)
      const missing = said.filter((field) => !read.includes(field))
      const unsaid = takesRows ? [] : read.filter((field) => !said.includes(field))
      return missing.length + unsaid.length === 0 ? [] : [`${nameOf(name)} says ${said}, reads ${read}`]
    })
    assert.equal(faults, [])
  })

  test(`what is compiled in for ${dialect.name} is what lies in sql/`, () => {
    assert.equal(dialect.sources, { statements: files, migrations: readSql(dialect.name, 'migrations') })
  })

  test(`the steps of each verb for ${dialect.name} are numbered in order, and told apart by name`, () => {
    const statements = new Statements(dialect)
    const verbs = new Set(files.map(({ name }) => name.split('.')[0] ?? ''))
    const faults = [...verbs].flatMap((verb) => {
      const steps = statements.get(verb)
      if (steps.length === 1) return steps[0]?.name === verb ? [] : [nameOf(verb)]
      const numbered = steps.every(({ name, step }, index) => name === `${verb}.${index + 1}-${step}`)
      return numbered && new Set(steps.map(({ step }) => step)).size === steps.length ? [] : [nameOf(verb)]
    })
    assert.equal(faults, [])
  })
}

test('these checks would notice', () => {
  const text = '-- Does it (well).\n-- Params: a (JSON array of {b, c}; none. At all), d.\n-- More, e.\nselect :a'
  assert.equal(readHeader(text), { parameters: ['a', 'd'], fields: ['b', 'c'] })
  assert.equal(readHeader('-- Does it.\nselect 1'), { parameters: [], fields: [] })
  const sources = `json_to_recordset(:a::json) as r (b text, c double precision) r.value ->> 'd' path '$.e' :list.f
    g text path '$[0]'`
  assert.equal(readFields(sources), ['b', 'c', 'd', 'e', 'f', 'g'])
})

test('no relation is named like the end of another, so that no two prefixes can meet', () => {
  const relations = DIALECTS.flatMap(({ name }) =>
    readSql(name, 'migrations').flatMap(({ text }) =>
      [...text.matchAll(/(?:\browcast[._]|create index )([a-z_]+)/g)].map(([, relation = '']) =>
        relation.replace(/^rowcast_/, ''),
      ),
    ),
  )
  const names = trimmed(relations)
  assert.ok(names.includes('dead_letter') && names.includes('scheduled_due'))
  assert.equal(
    names.filter((name) => names.some((other) => other !== name && other.endsWith(name))),
    [],
  )
})

test('every statement is asked for, and every one that is asked for is there', () => {
  const ASKED = /(?:\b(?:call|run|ask)(?:<\w+>)?\(|[|=?:] |\bdatabase,\s+)'([a-z_]+)'/g
  const asking = listSources().filter((file) => /^engines\/sql\/(?!sources\/)/.test(file))
  const asked = new Set(
    asking.flatMap((file) => [...readFileSync(join(SRC, file), 'utf8').matchAll(ASKED)].map(([, verb = '']) => verb)),
  )
  const verbs = new Set(
    DIALECTS.flatMap(({ name }) => readSql(name, 'statements').map((file) => file.name.split('.')[0] ?? '')),
  )
  assert.equal(
    [...verbs].filter((verb) => !asked.has(verb)),
    [],
  )
  const CALLED = /\b(?:call|run|ask)(?:<\w+>)?\('([a-z_]+)'/g
  const called = asking.flatMap((file) =>
    [...readFileSync(join(SRC, file), 'utf8').matchAll(CALLED)].map(([, verb = '']) => verb),
  )
  assert.equal(
    called.filter((verb) => !verbs.has(verb)),
    [],
  )
})

test.run()
