import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nodeArguments } from '../built.js'

export interface Ended {
  readonly stdout: string
  readonly stderr: string
  /** `null` when it had to be killed. */
  readonly code: number | null
}

/**
 * Runs a program of this folder to its end.
 * @param argument travels as JSON
 * @param limitMs after which it is killed
 */
export async function runProgram(name: string, argument: object, limitMs: number): Promise<Ended> {
  const path = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [...nodeArguments(path), JSON.stringify(argument)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (chunk) => {
      output[stream] += chunk
    })
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  return { ...output, code }
}
