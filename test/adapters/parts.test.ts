import * as assert from 'uvu/assert'
import { mysqlDialect } from '../../src/engines/sql/databases/mysql/dialect.js'
import { bindInParts } from '../../src/engines/sql/databases/parts.js'
import { bind, Statements } from '../../src/engines/sql/statements.js'
import { throws } from '../support/errors.js'
import { statementOf } from '../support/sql.js'
import { suite } from '../support/suite.js'

const test = suite('statements cut to size')

const DIALECT = mysqlDialect('rowcast_')
const of = (source: string) => statementOf(DIALECT, source)
const LIST = `json_table(:list, '$[*]' columns (\n  id text path '$[0]',\n  name text path '$[1]'\n)) as l`
const STATEMENT = of(`select :other, l.id from ${LIST} where json_length(:held) > 0`)
const items = (count: number) => Array.from({ length: count }, (_, id) => ({ id, name: 'ё"' }))
const parameters = (count: number) => ({ other: 'o', list: items(count), held: [{ a: 1 }, { a: 2 }] })
const bytesOf = (values: readonly unknown[]) =>
  values.reduce<number>((sum, value) => sum + Buffer.byteLength(String(value)), 0)
const limits = (partBytes: number, mostBytes = 10_000) => ({ partBytes, mostBytes })

test('a list is cut by its bytes in the statement, at the very edge', () => {
  const whole = bind(STATEMENT, parameters(4))
  assert.equal(whole, ['o', '[[0,"ё\\""],[1,"ё\\""],[2,"ё\\""],[3,"ё\\""]]', '[0,0]'])
  assert.equal(bindInParts(STATEMENT, parameters(4), undefined), [whole])
  assert.equal(bindInParts(STATEMENT, parameters(4), limits(bytesOf(whole))), [whole])
  const cut = bindInParts(STATEMENT, parameters(4), limits(bytesOf(whole) - 1))
  assert.equal(cut, [
    ['o', '[[0,"ё\\""],[1,"ё\\""],[2,"ё\\""]]', '[0,0]'],
    ['o', '[[3,"ё\\""]]', '[0,0]'],
  ])
})

test('every part is within the limit, and all elements are there in their order', () => {
  for (const partBytes of [20, 33, 64, 100, 500]) {
    const parts = bindInParts(STATEMENT, parameters(50), limits(partBytes))
    assert.ok(parts.every((values) => bytesOf(values) <= partBytes))
    const ids = parts.flatMap(([, list]) => (JSON.parse(String(list)) as [number][]).map(([id]) => id))
    assert.equal(
      ids,
      items(50).map(({ id }) => id),
    )
  }
})

test('lists that are united are cut one after the other', () => {
  const union = of(`select l.id from ${LIST} union all select m.id from ${LIST.replaceAll('list', 'more')}`)
  const parts = bindInParts(union, { list: items(2), more: items(1) }, limits(20))
  assert.equal(parts, [
    ['[[0,"ё\\""]]', '[]'],
    ['[[1,"ё\\""]]', '[]'],
    ['[]', '[[0,"ё\\""]]'],
  ])
})

test('one element may be larger than a part; one that the server does not take is an error with its size', () => {
  const large = { ...parameters(0), list: [{ id: 1, name: 'x'.repeat(100) }] }
  assert.is(bindInParts(STATEMENT, large, limits(50, 200)).length, 1)
  throws(
    () => bindInParts(STATEMENT, large, limits(50, 100)),
    'PAYLOAD',
    /one event takes 11\d bytes .* takes 100 \(max_allowed_packet\)/,
  )
  throws(() => bindInParts(of('select :a'), { a: 'x'.repeat(101) }, limits(50, 100)), 'PAYLOAD', /takes 101 bytes/)
  throws(() => bindInParts(STATEMENT, { ...parameters(2), other: 'x'.repeat(60) }, limits(50, 100)), 'PAYLOAD', /bytes/)
})

test('a list whose elements are told apart by their place is never cut', () => {
  assert.equal(of(`select row_number() over () from ${LIST}`).cuttable, [])
  assert.equal(of(`select json_extract(:list, '$[0].id') from ${LIST}`).cuttable, [])
  assert.equal([STATEMENT.cuttable, STATEMENT.counted], [['list'], ['held']])
})

test('no statement joins two lists that are cut', () => {
  const statements = new Statements(DIALECT)
  const several = DIALECT.sources.verbs
    .flatMap(({ name }) => statements.get(name))
    .filter(({ cuttable }) => cuttable.length > 1)
  assert.equal(
    several.map(({ title }) => title),
    // A long poll of so many channels is not begun.
    ['queue/find', 'queue/long_poll'],
  )
})

test.run()
