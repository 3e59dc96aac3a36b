/*
 * The history checker. Processes record what they were told, each into a file of its own (`Recorder`); when all is over
 * the test adds what the tables hold (`account`) and judges the whole (`judge(new HistoryReader(folder).facts)`).
 */
export { account, accountLog } from './account.js'
export { type Fact, type FactOf, type Happening, nowMs, type Stage } from './fact.js'
export { assertKept, type Judgement, type JudgeOptions, judge } from './judge.js'
export { HistoryReader, Recorder } from './recorder.js'
