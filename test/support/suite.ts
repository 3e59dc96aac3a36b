import { suite as uvuSuite } from 'uvu'
import { within } from './wait.js'

/** Longest that one test may take, in milliseconds: uvu itself waits for ever. */
const DEADLINE_MS = 20_000

type Test = () => Promise<void> | void

/** A uvu suite whose tests have a deadline. */
export function suite(name: string) {
  const tests = uvuSuite(name)
  const test = (title: string, body: Test, deadlineMs = DEADLINE_MS) =>
    void tests(title, () => within(deadlineMs, Promise.resolve().then(body), title))
  return Object.assign(test, { run: () => tests.run() })
}
