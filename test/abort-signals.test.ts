import * as assert from 'uvu/assert'
import { onAbort } from '../src/common/abort-signals.js'
import { suite } from './support/suite.js'

const test = suite('a signal that many follow')

test('calls back each that follows it, once, and none that has ended', () => {
  const controller = new AbortController()
  const called: string[] = []
  const follow = (name: string) => onAbort(controller.signal, () => called.push(name))
  const endings = ['a', 'b', 'c'].map(follow)
  endings[1]?.()
  endings[1]?.()
  controller.abort()
  assert.equal(called, ['a', 'c'])
  follow('late')()
  assert.equal(called, ['a', 'c', 'late'])
})

test.run()
