import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { ContentionError, PayloadError } from '../src/common/errors.js'
import { defer } from '../src/common/wait.js'
import type { NewEvent } from '../src/event.js'
import { Line } from '../src/publish/line.js'
import { suite } from './support/suite.js'
import { eventually, onThisMachine, within } from './support/wait.js'

const test = suite('line of publishers')
const numbers = (length: number, from = 0) => Array.from({ length }, (_, n) => from + n)

function event(channel: string, n: number): NewEvent {
  return {
    id: `${channel}${n}`,
    channel,
    payload: String(n),
    metadata: null,
    priority: 5,
    delay: null,
    key: null,
    maxAttempts: 1,
  }
}

const events = (channel: string, ns: readonly number[]) => ns.map((n) => event(channel, n))

/** A line whose flushes take a while; what each of them was given, and in which order the events of a channel were stored. */
function open(refuse: (ids: readonly string[]) => unknown = () => undefined) {
  const flushes: string[][] = []
  const stored: string[] = []
  const line = new Line(async (flush) => {
    const ids = flush.map(({ id }) => String(id))
    flushes.push(ids)
    await sleep(2)
    const refusal = refuse(ids)
    if (refusal !== undefined) throw refusal
    stored.push(...ids)
    return ids
  })
  const of = (channel: string) => stored.filter((id) => id.startsWith(channel)).map((id) => Number(id.slice(1)))
  return { line, flushes, stored, of }
}

async function endings(calls: readonly Promise<unknown>[]): Promise<readonly string[]> {
  const settled = await Promise.allSettled(calls)
  return settled.map((call) => (call.status === 'fulfilled' ? 'stored' : String(call.reason.message)))
}

test('single and several events of one channel are stored in the order of calls, few and many', async () => {
  const { line, of } = open()
  const calls: Promise<unknown>[] = []
  let next = 0
  for (const size of [1, 2, 999, 1, 1_001, 1, 3, 5_000, 1, 1_000, 1]) {
    const own = numbers(size, next)
    next += size
    calls.push(size === 1 ? line.add(event('a', next - 1)) : line.addMany(events('a', own)))
    if (size % 2 === 0) await sleep(1)
  }
  await Promise.all(calls)
  assert.equal(of('a'), numbers(next))
})

test('each call is answered with its own ids', async () => {
  const { line } = open()
  const answers = await Promise.all([
    line.add(event('a', 1)),
    line.addMany(events('b', [2, 3])),
    line.addMany(events('a', [4])),
    line.add(event('b', 5)),
  ])
  assert.equal(answers, ['a1', ['b2', 'b3'], ['a4'], 'b5'])
})

test('what gathers during a flush leaves together, at most a thousand events', async () => {
  const { line, flushes } = open()
  const calls: Promise<unknown>[] = numbers(1_500).map((n) => line.add(event('a', n)))
  calls.push(line.addMany(events('b', numbers(600))), line.addMany(events('c', numbers(300))))
  await Promise.all(calls)
  assert.equal(
    flushes.map(({ length }) => length),
    [1_000, 800, 600],
  )
})

test('a flush of more than one call has no more than a megabyte', async () => {
  const { line, flushes } = open()
  const large = { ...event('a', 0), payload: 'x'.repeat(400_000) }
  const calls: Promise<unknown>[] = Array.from({ length: 5 }, () => line.add(large))
  calls.push(line.addMany([large, large, large]), line.addMany([large, large]), line.add(event('a', 1)))
  await Promise.all(calls)
  assert.equal(
    flushes.map(({ length }) => length),
    [2, 2, 1, 3, 3],
  )
})

test('a call of more than a flush takes holds up its own channels, and no others', async () => {
  const slow = defer<void>()
  const stored: string[] = []
  const line = new Line(async (flush) => {
    if (flush.length > 1_000) await slow.promise
    const ids = flush.map(({ id }) => String(id))
    stored.push(...ids)
    return ids
  })
  const many = line.addMany([...events('a', numbers(2_000)), event('b', 0)])
  const behind = [line.add(event('a', 2_000)), line.addMany(events('b', [1, 2]))]
  await within(1_000, Promise.all([line.add(event('c', 1)), line.addMany(events('d', [1, 2]))]))
  assert.equal(stored, ['c1', 'd1', 'd2'])
  const another = line.addMany(events('e', numbers(3_000)))
  slow.resolve()
  await Promise.all([many, ...behind, another])
  assert.is(stored.indexOf('a2000') > stored.indexOf('a1999'), true)
  assert.is(stored.indexOf('b1') > stored.indexOf('b0'), true)
})

test('a call that is held keeps its place: its channel waits, others go on', async () => {
  const { line, stored } = open()
  const hold = defer<void>()
  const held = line.add(event('a', 1), hold.promise)
  const behind = line.add(event('a', 2))
  const both = line.addMany([event('a', 3), event('b', 3)])
  const after = line.add(event('b', 4))
  await within(1_000, line.add(event('c', 1)))
  assert.equal(stored, ['c1'])
  hold.resolve()
  await Promise.all([held, behind, both, after])
  assert.equal(stored, ['c1', 'a1', 'a2', 'a3', 'b3', 'b4'])
})

test('a call whose hold fails leaves the line, and those behind it go on', async () => {
  const { line, stored } = open()
  const hold = defer<void>()
  const held = endings([line.add(event('a', 1), hold.promise), line.addMany(events('a', [2, 3]), hold.promise)])
  const behind = line.add(event('a', 4))
  hold.reject(new Error('not valid'))
  assert.equal(await held, ['not valid', 'not valid'])
  await within(1_000, behind)
  assert.equal(stored, ['a4'])
  await within(1_000, line.idle())
})

test('a bad one rejects only its own call; several events are stored together or not at all', async () => {
  const { line, of } = open((ids) => (ids.includes('a13') ? new PayloadError('bad') : undefined))
  const calls = [
    ...numbers(10).map((n) => line.add(event('a', n))),
    line.addMany(events('a', numbers(10, 10))),
    line.add(event('a', 20)),
  ]
  const ended = await endings(calls)
  assert.equal(ended, [...Array(10).fill('stored'), 'bad', 'stored'])
  assert.equal(of('a'), [...numbers(10), 20])
})

test('what concerns all rejects all that waited for it at once; those that came later have their own try', async () => {
  let contended = true
  const { line, flushes } = open(() => (contended ? new ContentionError('gave way') : undefined))
  const long = endings([
    ...numbers(3_000).map((n) => line.add(event('a', n))),
    line.addMany(events('a', numbers(20))),
    line.addMany(events('b', numbers(20))),
  ])
  await eventually(1_000, () => flushes.length === 1)
  const later = endings([line.add(event('a', 1))])
  assert.equal([...new Set(await long)], ['gave way'])
  contended = false
  assert.equal(await later, ['stored'])
  assert.is(flushes.length, 2)
})

test('after whatever happened to the calls before it, a call leaves', async () => {
  let refusal: Error | undefined
  const { line } = open(() => refusal)
  const many = (length: number) => line.addMany(events('a', numbers(length)))
  const lone = () => line.add(event('a', 1))
  for (const error of [undefined, new ContentionError('gave way'), new PayloadError('bad')]) {
    for (const calls of [
      () => [many(2_000), lone(), lone()],
      () => [lone(), many(2_000), many(3)],
      () => [many(3), many(2_000), many(3_000), lone()],
      () => [line.add(event('a', 1), Promise.reject(new Error('not valid'))), many(2_000), lone()],
    ]) {
      refusal = error
      await within(2_000, endings(calls()), 'the calls')
      refusal = undefined
      const next: readonly (() => Promise<unknown>)[] = [lone, () => many(3), () => many(2_000), lone]
      for (const call of next) await within(1_000, call(), 'the next call')
    }
  }
})

test('a hundred thousand calls behind one that is held cost no time while they wait', async () => {
  const { line, of } = open()
  const hold = defer<void>()
  const held = line.add(event('a', 0), hold.promise)
  await sleep(5)
  const startedMs = performance.now()
  const behind: Promise<unknown>[] = []
  for (let n = 1; n <= 100_000; n++) {
    behind.push(line.add(event('a', n)))
    if (n % 100 === 0) await Promise.resolve()
  }
  const waitedMs = performance.now() - startedMs
  assert.ok(waitedMs < onThisMachine(2_000), `${waitedMs} ms`)
  hold.resolve()
  await Promise.all([held, ...behind])
  assert.equal(of('a'), numbers(100_001))
})

test('it is idle once nothing waits, is held or is in flight', async () => {
  const { line, stored } = open()
  await within(1_000, line.idle())
  const hold = defer<void>()
  const calls = [
    line.add(event('a', 1), hold.promise),
    line.addMany(events('b', numbers(2_000))),
    line.add(event('b', 1)),
  ]
  setTimeout(() => hold.resolve(), 20)
  await within(1_000, line.idle())
  assert.is(stored.length, 2_002)
  await Promise.all(calls)
})

test('when it is abandoned, all that waits is rejected, and what is in flight is answered', async () => {
  const { line, flushes } = open()
  const hold = defer<void>()
  const first = line.add(event('a', 1))
  await eventually(1_000, () => flushes.length === 1)
  const waiting = endings([
    line.add(event('a', 2)),
    line.add(event('a', 3), hold.promise),
    line.addMany(events('b', [1, 2])),
  ])
  line.abandon(new Error('closed'))
  assert.is(await first, 'a1')
  assert.equal(await waiting, ['closed', 'closed', 'closed'])
  hold.resolve()
  await within(1_000, line.idle())
  await line.add(event('a', 4))
  assert.equal(flushes, [['a1'], ['a4']])
})

test.run()
