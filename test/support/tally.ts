import type { Judgement } from './history/index.js'

/** Prints a row for the table of faults, where `ROWCAST_TEST_TALLY` asks for it. */
export function tally(fault: string, database: string, { events, lost, wronglyRedelivered, longestStallS }: Judgement) {
  if (process.env.ROWCAST_TEST_TALLY === undefined) return
  console.log(`| ${[fault, database, events, lost, wronglyRedelivered, longestStallS].join(' | ')} |`)
}
