import { suite as uvuSuite } from 'uvu'
import { LeftOut } from './chosen.js'
import { within } from './wait.js'

/** Longest that one test may take, in milliseconds: uvu itself waits for ever. */
const DEADLINE_MS = 20_000

type Test = () => Promise<void> | void

let leftOut = 0

/** A uvu suite whose tests have a deadline. One that comes to a database that was not chosen passes; it is counted apart. */
export function suite(name: string) {
  const tests = uvuSuite(name)
  const test = (title: string, body: Test, deadlineMs = DEADLINE_MS) =>
    void tests(title, async () => {
      try {
        await within(deadlineMs, Promise.resolve().then(body), title)
      } catch (error) {
        if (!(error instanceof LeftOut)) throw error
        if (leftOut++ === 0) process.once('exit', () => console.log(`  Left out:  ${leftOut}`))
      }
    })
  return Object.assign(test, { run: () => tests.run() })
}
