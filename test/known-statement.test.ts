import * as assert from 'uvu/assert'
import { postgresDialect } from '../src/engines/sql/databases/postgres/dialect.js'
import { KnownStatement } from '../src/engines/sql/databases/postgres/known-statement.js'
import { statementOf } from './support/sql.js'
import { suite } from './support/suite.js'

const test = suite('a statement that is planned anew')

/** One that has run a while, and two of whose last executions were long. */
function grownLong() {
  const known = new KnownStatement(statementOf(postgresDialect('rowcast'), 'select 1'))
  const prepared = known.query([], true)
  for (let i = 0; i < 20; i++) known.note(prepared, 1)
  known.note(prepared, 100)
  assert.ok(isPrepared(known), 'one may be a busy disk')
  known.note(prepared, 100)
  return { known, prepared }
}

const isPrepared = (known: KnownStatement) => known.query([], true).name !== undefined

test('is so while that makes it faster, whatever began before', () => {
  const { known, prepared } = grownLong()
  const anew = known.query([], true)
  assert.is(anew.name, undefined)
  known.note(anew, 10)
  known.note(prepared, 100)
  assert.not(isPrepared(known))
})

test('is prepared again as soon as it is as long with a plan of its own', () => {
  const { known, prepared } = grownLong()
  known.note(known.query([], true), 90)
  assert.ok(isPrepared(known))
  known.note(prepared, 100)
  assert.ok(isPrepared(known), 'counts from the start')
})

test('is never prepared where sessions are not our own', () => {
  assert.is(grownLong().known.query([], false).name, undefined)
})

test.run()
