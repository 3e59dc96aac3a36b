import * as assert from 'uvu/assert'
import { LeaseTokens } from '../src/engines/sql/lease-tokens.js'
import { suite } from './support/suite.js'

const test = suite('lease tokens')

test('of one object share its number and count up; those of two objects never meet', () => {
  const [one, other] = [new LeaseTokens(), new LeaseTokens()]
  const tokens = Array.from({ length: 1_000 }, () => one.next())
  assert.ok(tokens.every((token) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(token)))
  assert.is(new Set(tokens).size, tokens.length)
  assert.equal(tokens.toSorted(), tokens)
  const objectOf = (token = '') => token.slice(0, 18)
  assert.is(new Set(tokens.map(objectOf)).size, 1)
  assert.is.not(objectOf(other.next()), objectOf(tokens[0]))
})

test.run()
