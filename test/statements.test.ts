import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { parseVerb, readSources } from '../sql/read-sources.js'
import { mysqlDialect } from '../src/engines/sql/databases/mysql/dialect.js'
import { postgresDialect } from '../src/engines/sql/databases/postgres/dialect.js'
import { sqliteDialect } from '../src/engines/sql/databases/sqlite/dialect.js'
import { bind, type Dialect, elementsOf, isDue, localize, Statements } from '../src/engines/sql/statements.js'
import { listMigrations, listSteps, SQL, statementOf } from './support/sql.js'
import { suite } from './support/suite.js'
import { EXAMPLES } from './support/verbs.js'

const test = suite('statements')

const POSTGRES = postgresDialect('rowcast')
const DIALECTS = [POSTGRES, mysqlDialect('rowcast_'), sqliteDialect('rowcast_')] as const
const textOf = (source: string, dialect: Dialect = POSTGRES) => statementOf(dialect, source).text
const parametersOf = (source: string, dialect: Dialect = POSTGRES) => statementOf(dialect, source).parameters

test('a parameter becomes the placeholder of its dialect, once for each use where values go by position', () => {
  const source = 'select :b, :a, :b'
  const [postgres, mysql, sqlite] = DIALECTS.map((dialect) => statementOf(dialect, source))
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
  assert.is(textOf(source), 'select $1\nfrom "rowcast"."queue"')
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

test('localized SQL keeps everything but our names', () => {
  assert.is(
    localize(POSTGRES, "create table rowcast.a (b text default ':c');\n"),
    `create table "rowcast"."a" (b text default ':c')`,
  )
})

test('a verb of one statement or of several steps, in order', () => {
  const statements = new Statements(mysqlDialect('rowcast_'))
  const titles = (verb: string) => statements.get(verb).map(({ title }) => title)
  assert.equal(titles('queue/promote'), [
    'queue/promote.ripe',
    'queue/promote.due',
    'queue/promote.stored',
    'queue/promote.removed',
  ])
  assert.equal(titles('queue/publish'), ['queue/publish'])
})

test('a verb that is not there is an error that names it', () => {
  assert.throws(() => new Statements(POSTGRES).get('queue/vacuum'), /no verb named queue\/vacuum/)
})

test('values go in by position, lists as JSON, and a missing one is an error that names it', () => {
  const statement = statementOf(mysqlDialect('rowcast_'), 'select :a, :b, :c, :a', 'queue/claim')
  assert.equal(bind(statement, { a: 1, b: [{ c: "'" }], c: null }), [1, `[{"c":"'"}]`, null, 1])
  assert.throws(() => bind(statement, { a: 1, b: [] }), /queue\/claim needs the parameter c/)
})

test('a statement may take the elements of a list one at a time, their fields in its places', () => {
  const source = '-- step: acked, each list\nselect :a, :list.id, :list.token'
  const statement = statementOf(sqliteDialect('rowcast_'), source, 'queue/ack')
  assert.is(statement.text, 'select ?, ?, ?')
  assert.equal(statement.fields, [
    { index: 1, field: 'id' },
    { index: 2, field: 'token' },
  ])
  assert.equal(bind(statement, { a: 1, list: [{ id: 2 }] }), [1, null, null])
  assert.equal(elementsOf(statement, { a: 1, list: [{ id: 2 }] }), [{ id: 2 }])
  assert.throws(() => elementsOf(statement, { a: 1 }), /queue\/ack needs the list list/)
  assert.is(isDue(statement, { a: 1, list: [] }), false)
  assert.is(isDue(statement, { a: 1, list: [{}] }), true)
})

test('a list that is read by position travels as arrays, whatever order its fields have', () => {
  const columns = `(\n  id char(36) character set ascii path '$[0]',\n  error text path '$[1]'\n)`
  const source = `select 1 from json_table(:held, '$[*]' columns ${columns}) as h, json_table(:other, '$[*]' columns (\n  a int path '$.a'\n)) as o`
  const statement = statementOf(mysqlDialect('rowcast_'), source)
  assert.equal([...statement.layouts], [['held', ['id', 'error']]])
  const parameters = { held: [{ error: 'no', more: 1, id: 'i' }, { id: 'j' }], other: [{ a: 1 }] }
  assert.equal(bind(statement, parameters), ['[["i","no"],["j",null]]', '[{"a":1}]'])
})

test('a step has something to do when its conditions say so, and always where it has none', () => {
  const step = (conditions: string) => statementOf(POSTGRES, `-- step: x${conditions}\nselect 1`)
  assert.is(isDue(step(', unless list is empty, when limit'), { list: [1], limit: 1 }), true)
  assert.is(isDue(step(', unless list is empty, when limit'), { list: [], limit: 1 }), false)
  assert.is(isDue(step(', unless list is empty, when limit'), { list: [1], limit: 0 }), false)
  assert.is(isDue(step(', unless list is empty, unless other is empty'), { list: [1], other: [] }), false)
  assert.is(isDue(step(', when flag'), { flag: false }), false)
  assert.is(isDue(step(''), { list: [], limit: 0, flag: false }), true)
  assert.throws(() => isDue(step(', when flag'), {}), /step x needs the parameter flag/)
})

test('what does not follow the rules fails the build, with its name', () => {
  const faults: readonly (readonly [string, RegExp])[] = [
    ['-- step: a, if b is empty\nselect 1', /step a: a condition is/],
    ['-- step: a\nselect :list.id', /takes fields of list/],
    ['-- step: a, each list\nselect :other.id', /takes fields of other/],
    ['-- step: a, each list\nselect 1', /takes fields of , and says/],
    ['-- returns: a\n-- step: a\nselect 1\n-- step: a\nselect 2', /two steps have the same name/],
    ['-- step: a\nselect 1\n-- step: b\nselect 2', /say which steps' rows are the answer/],
    ['-- returns: c\n-- step: a\nselect 1\n-- step: b\nselect 2', /say which steps' rows are the answer/],
    ['-- change: a\nselect 1', /"-- change: " means nothing/],
    ['select 0\n-- step: a\nselect 1', /SQL stands before the first step/],
  ]
  for (const [source, message] of faults) assert.throws(() => parseVerb('queue/x', source), message)
})

test('what a verb includes stands where it says so, and nothing else of its comments stays', () => {
  const parts = new Map([['tail', "-- step: b, unless a is empty\n-- Why '.\nselect '-- no comment', :a"]])
  const source = '-- returns: b\n\n-- step: a\n-- Says it.\nselect 1\n\n-- include: tail\n'
  const verb = parseVerb('queue/x', source, (name) => parts.get(name) ?? '')
  const none = { unless: [], when: [], each: null, changes: null }
  assert.equal(verb, {
    name: 'queue/x',
    returns: ['b'],
    steps: [
      { ...none, name: 'a', text: 'select 1' },
      { ...none, name: 'b', unless: ['a'], text: "select '-- no comment', :a" },
    ],
  })
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
  const steps = listSteps(dialect.name)
  const nameOf = (title: string) => `${dialect.name} ${title}`
  const statements = new Statements(dialect)
  const compiled = new Map(
    dialect.sources.verbs.flatMap(({ name }) => statements.get(name)).map((statement) => [statement.title, statement]),
  )

  test(`each statement for ${dialect.name} says in its header which parameters it takes`, () => {
    const faults = steps.flatMap(({ title, text }) => {
      const said = readHeader(text).parameters
      const used = trimmed(compiled.get(title)?.parameters.map((used) => used.split('.')[0] ?? '') ?? [])
      return String(said) === String(used) ? [] : [`${nameOf(title)} says ${said}, takes ${used}`]
    })
    assert.equal(faults, [])
  })

  test(`each statement for ${dialect.name} says in its header which fields its lists have`, () => {
    const faults = steps.flatMap(({ title, text }) => {
      const said = readHeader(text).fields
      const read = readFields(text)
      // The rows of a step before have their names from there.
      const takesRows = /\brows? of the/.test(text)
      const missing = said.filter((field) => !read.includes(field))
      const unsaid = takesRows ? [] : read.filter((field) => !said.includes(field))
      return missing.length + unsaid.length === 0 ? [] : [`${nameOf(title)} says ${said}, reads ${read}`]
    })
    assert.equal(faults, [])
  })

  test(`what is compiled in for ${dialect.name} is what lies in sql/`, () => {
    assert.equal(dialect.sources, readSources(join(SQL, dialect.name)))
    assert.equal([...compiled.keys()].sort(), steps.map(({ title }) => title).sort())
  })

  test(`a condition of a step for ${dialect.name} names a parameter of the verb, or a step before`, () => {
    const faults = dialect.sources.verbs.flatMap(({ name, steps }) =>
      steps.flatMap((step, index) => {
        const known = new Set(steps.slice(0, index).map((before) => before.name))
        for (const parameter of askedOf(name)) known.add(parameter)
        const named = [...step.unless, ...step.when, step.each, step.changes].filter((each) => each !== null)
        return named.filter((each) => !known.has(each)).map((each) => `${nameOf(name)}.${step.name}: ${each}`)
      }),
    )
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
    listMigrations(name).flatMap(({ text }) =>
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

/** The parameters with which a verb is asked. */
function askedOf(verb: string): readonly string[] {
  return EXAMPLES.filter((question) => question.verb === verb).flatMap(({ parameters }) => Object.keys(parameters))
}

test('every verb has its SQL, and all SQL its verb', () => {
  const written = new Set(DIALECTS.flatMap(({ sources }) => sources.verbs.map(({ name }) => name)))
  assert.equal([...written].sort(), trimmed(EXAMPLES.map(({ verb }) => verb)))
})

test('a verb is asked with what its SQL takes, on every database', () => {
  const faults = DIALECTS.flatMap((dialect) => {
    const statements = new Statements(dialect)
    return dialect.sources.verbs.flatMap(({ name, steps }) => {
      const known = new Set([...askedOf(name), ...steps.map((step) => step.name)])
      const taken = statements.get(name).flatMap(({ parameters }) => parameters.map((each) => each.split('.')[0] ?? ''))
      return trimmed(taken.filter((each) => !known.has(each))).map((each) => `${dialect.name} ${name}: ${each}`)
    })
  })
  assert.equal(faults, [])
})

test.run()
