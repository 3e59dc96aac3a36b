import * as assert from 'uvu/assert'
import { SingleFlight } from '../src/common/single-flight.js'
import { defer } from '../src/common/wait.js'
import { suite } from './support/suite.js'

const test = suite('single flight')

/** Works off what is given to it, one after the other, and counts how often it began. */
function worker() {
  const flight = new SingleFlight()
  const [waiting, done]: [string[], string[]] = [[], []]
  let begun = 0
  const work = async () => {
    begun++
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) done.push(await Promise.resolve(next))
    flight.end()
  }
  return {
    flight,
    done,
    begun: () => begun,
    give(item: string) {
      waiting.push(item)
      flight.begin(work)
    },
  }
}

test('what comes while it is under way begins no other, and is done all the same', async () => {
  const { flight, done, begun, give } = worker()
  give('a')
  give('b')
  assert.is(flight.isUnderWay, true)
  await flight.landed()
  assert.equal([done, begun(), flight.isUnderWay], [['a', 'b'], 1, false])
})

test('what comes in any turn around its end is not forgotten', async () => {
  for (let turns = 0; turns < 10; turns++) {
    const { flight, done, give } = worker()
    give('a')
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    give('b')
    await flight.landed()
    assert.equal(done, ['a', 'b'])
  }
})

test('nothing is waited for when nothing is under way, nor is what begins later', async () => {
  const flight = new SingleFlight()
  await flight.landed()
  const [first, second] = [defer<void>(), defer<void>()]
  const until = (gate: Promise<void>) => async () => {
    await gate
    flight.end()
  }
  flight.begin(until(first.promise))
  const landed = flight.landed()
  first.resolve()
  await landed
  flight.begin(until(second.promise))
  await landed
  assert.is(flight.isUnderWay, true)
  second.resolve()
  await flight.landed()
})

test.run()
