import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import {
  type Fact,
  type Happening,
  HistoryReader,
  type JudgeOptions,
  judge,
  Recorder,
} from '../support/history/index.js'
import { suite } from '../support/suite.js'

const test = suite('history checker')

/** A history as it is told here: who, what, one second after the other unless a time is given. */
type Line = readonly [actor: string, happening: Happening, atMs?: number]

function history(...lines: readonly Line[]): readonly Fact[] {
  return lines.map(([actor, happening, at], index) => ({ at: at ?? (index + 1) * 1_000, actor, ...happening }))
}

const publishing = (event = 'e', more = {}): Line => ['p', { type: 'publishing', event, priority: 5, ...more }]
const published = (event = 'e', id = `id-${event}`): Line => ['p', { type: 'published', event, id }]
const delivered = (actor: string, attempts: number, event = 'e', leaseEndsAt: number | null = 1e9): Line => [
  actor,
  { type: 'delivered', event, id: `id-${event}`, attempts, leaseEndsAt },
]
const acked = (actor: string, attempts: number, held = true, event = 'e'): Line => [
  actor,
  { type: 'acked', event, attempts, held },
]
const nacked = (actor: string, attempts: number): Line => [
  actor,
  { type: 'nacked', event: 'e', attempts, held: true, delayMs: 0 },
]
const found = (stage: 'queue' | 'acked' | 'dead', event = 'e'): Line => [
  'test',
  { type: 'found', event, id: `id-${event}`, stage, attempts: 1 },
]
const accounted: Line = ['test', { type: 'accounted' }]
const died = (actor: string): Line => [actor, { type: 'died' }]
const hindered = (actor: string, ms: number): Line => [actor, { type: 'hindered', why: 'stopped', ms }]

function violationsOf(facts: readonly Fact[], options?: JudgeOptions): readonly string[] {
  return judge(facts, options).violations
}

/** The one violation there is, which names the event. */
function broken(facts: readonly Fact[], expected: RegExp, options?: JudgeOptions): void {
  const violations = violationsOf(facts, options)
  assert.is(violations.length, 1, violations.join('\n') || 'nothing was found')
  assert.match(violations[0] ?? '', expected)
}

test('a good history is kept, with its numbers', () => {
  const facts = history(
    publishing(),
    published(),
    delivered('w1', 1),
    nacked('w1', 1),
    delivered('w2', 2),
    acked('w2', 2),
    found('acked'),
    accounted,
  )
  assert.equal(judge(facts, { ordered: true }), {
    violations: [],
    events: 1,
    deliveries: 2,
    lost: 0,
    wronglyRedelivered: 0,
    longestStallS: 1,
  })
})

test('good reasons are understood: death, the end of a lease that stood still, release', () => {
  const end: Line[] = [found('acked'), accounted]
  const start = [publishing(), published()]
  const death = history(
    ...start,
    delivered('w1/2', 1, 'e', 4_500),
    died('w1'),
    delivered('w2', 2),
    acked('w2', 2),
    ...end,
  )
  const expiry = history(
    ...start,
    delivered('w1', 1, 'e', 4_500),
    hindered('w1', 1_000),
    delivered('w2', 2),
    ['w1', { type: 'lost', event: 'e', attempts: 1, certain: true }],
    acked('w1', 1, false),
    acked('w2', 2),
    ...end,
  )
  const release = history(
    ...start,
    delivered('w1', 1),
    ['w1', { type: 'closing' }],
    delivered('w2', 1),
    acked('w2', 1),
    ...end,
  )
  const nacking = history(
    ...start,
    delivered('w1', 1),
    ['w1', { type: 'nacking', event: 'e', attempts: 1, delayMs: 0 }],
    died('w1'),
    delivered('w2', 2),
    acked('w2', 2),
    ...end,
  )
  const answeredLate = history(
    ...start,
    delivered('w1', 1),
    ['w1', { type: 'nacking', event: 'e', attempts: 1, delayMs: 0 }],
    delivered('w2', 2),
    nacked('w1', 1),
    acked('w2', 2),
    ...end,
  )
  const unheard = history(...start, died('w1'), delivered('w2', 2), acked('w2', 2), ...end)
  for (const facts of [death, expiry, release, nacking, answeredLate, unheard]) assert.equal(violationsOf(facts), [])
})

test('an event that nobody got is lost, and so is one that vanished from a holder', () => {
  const neverDelivered = history(publishing(), published(), accounted)
  broken(neverDelivered, /event e \[id-e\] is lost: .*never delivered/)
  assert.is(judge(neverDelivered).lost, 1)
  broken(history(publishing(), published(), delivered('w1', 1), died('w1'), accounted), /lost: .*last with w1/)
  broken(history(publishing(), published(), delivered('w1', 1)), /lost/)
})

test('an event that still waits is a fault, unless the run was cut short', () => {
  const facts = history(publishing(), published(), found('queue'), accounted)
  broken(facts, /was not settled: it is still in queue/)
  assert.equal(violationsOf(facts, { cutShort: true }), [])
})

test('an event stored twice is found by its ids, one in two places by the tables', () => {
  const twice = history(
    publishing(),
    published('e', 'id-1'),
    ['w1', { type: 'delivered', event: 'e', id: 'id-2', attempts: 1, leaseEndsAt: null }],
    acked('w1', 1),
  )
  broken(twice, /stored more than once: as id-1 and id-2/)
  const places = history(publishing(), published(), found('dead'), found('acked'), delivered('w1', 1), accounted)
  broken(places, /more than one place: dead and acked/)
})

test('an event that was refused, rolled back or never published must not exist', () => {
  const refused: Line = ['p', { type: 'rejected', event: 'e', definite: true, error: 'too large' }]
  broken(history(publishing(), refused, delivered('w1', 1), acked('w1', 1)), /refused: too large/)
  broken(history(publishing(), ['p', { type: 'rolledBack', event: 'e' }], found('dead')), /rolled back/)
  broken(history(delivered('w1', 1), acked('w1', 1)), /nobody published/)
  const unsure: Line = ['p', { type: 'rejected', event: 'e', definite: false, error: 'connection lost' }]
  assert.equal(violationsOf(history(publishing(), unsure, delivered('w1', 1), acked('w1', 1))), [])
  assert.equal(violationsOf(history(publishing(), unsure)), [])
})

test('a delivery while another holds the event is wrong', () => {
  const start = [publishing(), published()]
  const healthy = history(...start, delivered('w1', 1, 'e', 3_500), delivered('w2', 2), acked('w2', 2))
  broken(healthy, /delivered again, to w2 \(attempt 2\), while w1 \(attempt 1\) held it/)
  assert.is(judge(healthy).wronglyRedelivered, 1)
  const beforeTheEnd = history(...start, delivered('w1', 1), died('w1'), delivered('w2', 2), acked('w2', 2))
  broken(beforeTheEnd, /delivered again/)
  const another = history(...start, delivered('w1', 1, 'e', 3_500), died('w3'), delivered('w2', 2), acked('w2', 2))
  broken(another, /delivered again/)
})

test('two acks of one event, and a delivery after the ack, are wrong', () => {
  const start = [publishing(), published(), delivered('w1', 1, 'e', 3_500), hindered('w1', 1_000), delivered('w2', 2)]
  const both = violationsOf(history(...start, acked('w1', 1), acked('w2', 2)))
  assert.ok(both.some((violation) => /acked by w1 \(attempt 1\) and by w2 \(attempt 2\)/.test(violation)))
  broken(history(...start, acked('w1', 1)), /went to w2 \(attempt 2\) after w1 \(attempt 1\) had acked it/)
  const kept = history(publishing(), published(), delivered('w1', 1), acked('w1', 1), found('queue'), accounted)
  broken(kept, /acked by w1 .* and yet is in queue/, { cutShort: true })
})

test('an ack must be told truly', () => {
  const start = [publishing(), published(), delivered('w1', 1)]
  broken(history(...start, acked('w1', 1, false), found('acked'), accounted), /nobody was told/)
  const late: Line = ['w1', { type: 'lost', event: 'e', attempts: 1, certain: true }]
  broken(history(...start, late, acked('w1', 1)), /had been told that it lost the lease/)
  const dying: Line[] = [['w1', { type: 'acking', event: 'e', attempts: 1 }], died('w1'), found('acked'), accounted]
  assert.equal(violationsOf(history(...start, ...dying)), [])
})

test('a publish folded into another event by its key is not lost, unless that one was acked before', () => {
  const start = [publishing('a'), published('a'), delivered('w1', 1, 'a')]
  const folded = [publishing('b'), published('b', 'id-a')]
  const live = history(...start, ...folded, acked('w1', 1, true, 'a'))
  assert.equal(violationsOf(live), [])
  assert.is(judge(live).events, 1)
  broken(history(...start, acked('w1', 1, true, 'a'), ...folded), /event b is lost: .* event a .* acked before/)
})

test('attempts that are skipped or do not rise are wrong', () => {
  const start = [publishing(), published()]
  broken(history(...start, delivered('w1', 2), acked('w1', 2)), /attempt 2\) where attempt 1 was due/)
  const same = history(...start, delivered('w1', 1), nacked('w1', 1), delivered('w2', 1), acked('w2', 1))
  broken(same, /w2 \(attempt 1\) where attempt 2 was due/)
})

test('an event delivered before it is due is wrong', () => {
  broken(history(publishing('e', { notBefore: 9_000 }), published(), delivered('w1', 1), acked('w1', 1)), /too early/)
})

test('an event handed out after its lease had ended is wrong', () => {
  const facts = history(publishing(), published(), delivered('w1', 1, 'e', 2_500), acked('w1', 1))
  broken(facts, /handed to w1 \(attempt 1\) after its lease had ended/)
})

test('an order that differs from the publisher’s is wrong where order was promised', () => {
  const facts = history(
    publishing('a'),
    publishing('b'),
    published('a'),
    published('b'),
    delivered('w1', 1, 'b'),
    delivered('w1', 1, 'a'),
    acked('w1', 1, true, 'b'),
    acked('w1', 1, true, 'a'),
  )
  broken(facts, /of p at priority 5, event b \[id-b\] came where event a \[id-a\] was due/, { ordered: true })
  assert.equal(violationsOf(facts), [])
})

test('what a process met unhandled is wrong', () => {
  broken(history(['w1', { type: 'unhandled', error: 'boom' }]), /w1 met something unhandled: boom/)
})

test('the longest stall is how long something waited while nobody was handed anything', () => {
  const waiting = history(
    ['p', { type: 'publishing', event: 'a', priority: 5 }, 0],
    ['p', { type: 'published', event: 'a', id: 'id-a' }, 1_000],
    ['p', { type: 'publishing', event: 'b', priority: 5 }, 1_000],
    ['p', { type: 'published', event: 'b', id: 'id-b' }, 1_500],
    ['w1', { type: 'delivered', event: 'a', id: 'id-a', attempts: 1, leaseEndsAt: null }, 2_000],
    ['w1', { type: 'delivered', event: 'b', id: 'id-b', attempts: 1, leaseEndsAt: null }, 5_000],
  )
  assert.is(judge(waiting).longestStallS, 3)
})

test('facts of several processes come back in order of time, a line cut off by a kill is passed over', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-history-'))
  try {
    using one = new Recorder(folder, 'w1')
    using two = new Recorder(folder, 'w2/1')
    one.record({ type: 'closing' })
    two.record({ type: 'closed' })
    one.record({ type: 'died' }, 'w3')
    assert.equal(
      new HistoryReader(folder).facts.map(({ actor, type }) => `${actor} ${type}`),
      ['w1 closing', 'w2/1 closed', 'w3 died'],
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
