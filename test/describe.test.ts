import { runInNewContext } from 'node:vm'
import * as assert from 'uvu/assert'
import { describe } from '../src/common/describe.js'
import { suite } from './support/suite.js'

const test = suite('what was thrown, in words')

test('an error is its name and message, and those of its causes', () => {
  const root = new TypeError('no such host')
  const error = new Error('cannot ship', { cause: new Error('fetch failed', { cause: root }) })
  assert.is(describe(error), 'Error: cannot ship (cause: Error: fetch failed (cause: TypeError: no such host))')
})

test('a cause that the message holds already is not told twice', () => {
  const cause = new Error('too large')
  assert.is(describe(new Error(`refused (Error: too large)`, { cause })), 'Error: refused (Error: too large)')
  assert.is(describe(new Error('because sold out', { cause: 'sold out' })), 'Error: because sold out')
})

test('a cause that is no error is told, too, and one that leads back to itself ends', () => {
  assert.is(describe(new Error('a', { cause: { status: 500 } })), 'Error: a (cause: { status: 500 })')
  const error = new Error('a')
  error.cause = new Error('b', { cause: error })
  assert.ok(describe(error).length < 200)
})

test('of several errors in one each is told, up to five', () => {
  const parts = (count: number) => Array.from({ length: count }, (_, i) => new Error(`part ${i}`))
  assert.is(describe(new AggregateError(parts(2), 'several')), 'AggregateError: several [Error: part 0; Error: part 1]')
  assert.is(describe(new AggregateError(parts(1))), 'AggregateError [Error: part 0]')
  assert.match(describe(new AggregateError(parts(8), 'x')), /part 4; and 3 more\]$/)
})

test('of an error in a scope and another in leaving it, both are told', async () => {
  const thrown = await (async () => {
    await using _ = { [Symbol.asyncDispose]: () => Promise.reject(new Error('cannot close')) }
    throw new TypeError('no such order')
  })().catch((error: unknown) => error)
  const [own = '', ...parts] = describe(thrown).split(/ \[|; /)
  assert.match(own, /^SuppressedError/)
  assert.equal(parts, ['Error: cannot close', 'TypeError: no such order]'])
})

test('an error of another realm is told like one of this', () => {
  const theirs = runInNewContext(
    `new AggregateError([new TypeError('part')], 'several', { cause: new Error('outer', { cause: new Error('root') }) })`,
  )
  assert.not.instance(theirs, Error)
  const text = 'AggregateError: several [TypeError: part] (cause: Error: outer (cause: Error: root))'
  assert.is(describe(theirs), text)
})

test('what is no error is told as a person would write it', () => {
  const bare = Object.assign(Object.create(null), { a: 1 })
  const told: readonly (readonly [unknown, string])[] = [
    ['text', 'text'],
    [undefined, 'undefined'],
    [{ code: 'E', message: 'plain' }, "{ code: 'E', message: 'plain' }"],
    [[1, 'a'], "[ 1, 'a' ]"],
    [bare, '[Object: null prototype] { a: 1 }'],
    [{ toString: () => 'my own words' }, 'my own words'],
    [Symbol('s'), 'Symbol(s)'],
    [new Error(''), 'Error'],
  ]
  for (const [thrown, text] of told) assert.is(describe(thrown), text)
})

test('it is one line of at most 2 000 well-formed characters, whatever was thrown', () => {
  const hostile = {
    get name(): string {
      throw new Error('no')
    },
  }
  assert.is(describe('a\n\tb\0c'), 'a bc')
  assert.is(describe('x'.repeat(3_000)).length, 2_000)
  assert.ok(describe(`${'x'.repeat(1_999)}😀`).isWellFormed())
  assert.type(describe(Object.setPrototypeOf(hostile, Error.prototype)), 'string')
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  assert.is(describe(revoked.proxy), 'what was thrown has no text')
})

test.run()
