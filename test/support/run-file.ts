import { spawn } from 'node:child_process'
import { nodeArguments } from './built.js'

/** What one test file did. */
export interface FileResult {
  readonly passed: number
  readonly failed: number
  /** Those that came to a database which was not chosen. */
  readonly leftOut: number
  readonly output: string
  readonly elapsedMs: number
  /** Why the file counts as failed beyond its own tests. */
  readonly fault: string | undefined
}

/** Longest that one file may take, in milliseconds. */
const LIMIT_MS = 600_000
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what an ANSI escape starts with
const ANSI = /\u001b\[[0-9;]*m/g

/** Runs a test file in a process of its own, and in time. */
export async function runFile(file: string, environment: NodeJS.ProcessEnv): Promise<FileResult> {
  const startedMs = performance.now()
  const child = spawn(process.execPath, nodeArguments(file, environment), {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  const collect = (chunk: Buffer) => {
    output += chunk.toString()
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    // The whole group: a test may have started processes of its own.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }, LIMIT_MS)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  return { ...judge(output.replace(ANSI, ''), code, isLate), output, elapsedMs: performance.now() - startedMs }
}

/** uvu ends well when a hook threw, when nobody called run(), and when tests were skipped: none of it is good. */
function judge(
  text: string,
  code: number | null,
  isLate: boolean,
): Pick<FileResult, 'passed' | 'failed' | 'leftOut' | 'fault'> {
  const count = (label: string) => {
    const found = text.match(new RegExp(`^\\s*${label}:\\s+(\\d+)\\s*$`, 'm'))
    return found === null ? 0 : Number(found[1])
  }
  const total = count('Total')
  const [finished, leftOut] = [count('Passed'), count('Left out')]
  const fault = findFault()
  const failed = Math.max(total - finished, fault === undefined ? 0 : 1)
  return { passed: finished - leftOut, failed, leftOut, fault }

  function findFault(): string | undefined {
    if (isLate) return `did not end within ${LIMIT_MS / 1_000} s`
    if (total === 0) return 'ran no test'
    if (count('Skipped') > 0) return 'skipped tests'
    if (code !== 0 && total === finished) return `ended with code ${code}`
    return undefined
  }
}
