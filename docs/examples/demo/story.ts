import { setTimeout as sleep } from 'node:timers/promises'

const PATIENCE_MS = 15_000
const faults: string[] = []

/** Tells what happened, and when, in seconds since the process started. */
export function say(text: string): void {
  console.log(`${(performance.now() / 1_000).toFixed(1).padStart(5)} s  ${text}`)
}

/** Tells what happened if it is as it should be; else the demo ends with an error. */
export function check(asItShouldBe: boolean, text: string): void {
  if (!asItShouldBe) faults.push(text)
  say(asItShouldBe ? text : `WRONG: ${text}`)
}

/** What was not as it should be. */
export function found(): readonly string[] {
  return faults
}

/** Waits for a fact; looks every few milliseconds. */
export async function until<T>(
  fact: () => T | Promise<T>,
  what: string,
  everyMs = 5,
): Promise<Exclude<T, false | null | undefined>> {
  const deadlineMs = performance.now() + PATIENCE_MS
  for (;;) {
    const answer = await fact()
    if (answer) return answer as Exclude<T, false | null | undefined>
    if (performance.now() > deadlineMs) throw new Error(`did not happen within ${PATIENCE_MS} ms: ${what}`)
    await sleep(everyMs)
  }
}

/** A number for people. */
export function nice(value: number, digits = 0): string {
  return value.toLocaleString('en-GB', { maximumFractionDigits: digits }).replaceAll(',', ' ')
}

/** The value that so many percent of sorted ones do not exceed. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN
}
