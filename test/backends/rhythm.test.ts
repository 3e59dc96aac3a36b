import * as assert from 'uvu/assert'
import { Rhythm } from '../../src/engines/sql/flow/rhythm.js'
import { suite } from '../support/suite.js'

const test = suite('rhythm of probes')

/** A rhythm by a clock that the test moves. */
function open() {
  let nowMs = 0
  const rhythm = new Rhythm(() => nowMs)
  return { rhythm, pass: (ms: number) => (nowMs += ms) }
}

/** The way there takes so long, and so does a probe beside it. */
function takes(rhythm: Rhythm, wayMs: number, workMs: number): void {
  for (let i = 0; i < 8; i++) rhythm.note(wayMs + workMs)
  if (rhythm.isWayWanted) rhythm.noteWay(wayMs)
}

test('the pause grows with the silence, to a part of the poll interval, and something that comes makes it short again', () => {
  const { rhythm, pass } = open()
  assert.is(rhythm.pauseMs(1_000), 6)
  pass(2_400)
  assert.is(rhythm.pauseMs(1_000), 6)
  pass(5_600)
  assert.is(rhythm.pauseMs(1_000), 20)
  pass(112_000)
  assert.is(rhythm.pauseMs(1_000), 150)
  assert.is(rhythm.pauseMs(60_000), 300)
  rhythm.stir()
  assert.is(rhythm.pauseMs(1_000), 6)
})

test('a long way alone makes the pause twice as long as itself', () => {
  const { rhythm } = open()
  takes(rhythm, 30, 0.1)
  assert.ok(rhythm.pauseMs(1_000) >= 60 && rhythm.pauseMs(1_000) < 61)
})

test('work of the server makes the pause fifty times as long, wherever the server is', () => {
  for (const wayMs of [0.2, 30]) {
    const { rhythm } = open()
    takes(rhythm, wayMs, 4)
    assert.ok(Math.abs(rhythm.pauseMs(1_000) - 200) < 1, `${rhythm.pauseMs(1_000)}`)
  }
})

test('a probe that is slow for once makes the next pause longer, and no other', () => {
  const { rhythm } = open()
  takes(rhythm, 0.2, 0.1)
  rhythm.note(50)
  assert.is(rhythm.pauseMs(1_000), 100)
  rhythm.note(0.3)
  assert.is(rhythm.pauseMs(1_000), 6)
})

test('the first few probes, which prepare their statement, say nothing of the work', () => {
  const { rhythm } = open()
  for (let i = 0; i < 7; i++) rhythm.note(60)
  assert.is(rhythm.isWayWanted, false)
  assert.is(rhythm.pauseMs(1_000), 120)
})

test('the way is measured only where probes take long, and not each time', () => {
  const { rhythm, pass } = open()
  for (let i = 0; i < 8; i++) rhythm.note(1.9)
  assert.is(rhythm.isWayWanted, false)
  takes(rhythm, 30, 0)
  assert.is(rhythm.isWayWanted, false)
  pass(1_001)
  assert.is(rhythm.isWayWanted, true)
})

test.run()
