import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nodeArguments } from './built.js'
import { eventually, within } from './wait.js'

/** A program of test/support/programs in a process of its own; killed when disposed, if it has not ended by then. */
export class Child implements AsyncDisposable {
  readonly lines: string[] = []
  readonly #process: ChildProcess
  readonly #ended: Promise<number | null>
  #errors = ''

  constructor(program: string, args: readonly string[]) {
    const file = fileURLToPath(new URL(`programs/${program}.ts`, import.meta.url))
    this.#process = spawn(process.execPath, [...nodeArguments(file), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let rest = ''
    this.#process.stdout?.on('data', (chunk: Buffer) => {
      const lines = `${rest}${chunk}`.split('\n')
      rest = lines.pop() ?? ''
      this.lines.push(...lines)
    })
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk
    })
    this.#ended = new Promise((resolve) => this.#process.once('close', resolve))
  }

  /** Waits until it has said so many lines that match. */
  async said(pattern: RegExp, times = 1, ms = 15_000): Promise<void> {
    const count = () => this.lines.filter((line) => pattern.test(line)).length
    await eventually(ms, () => count() >= times).catch(() => {
      throw new Error(
        `${count()} of ${times} times ${pattern} within ${ms} ms: ${this.lines.join(' | ')} ${this.#errors}`,
      )
    })
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  /** Waits until it ends by itself; its exit code, and what it complained about. */
  async end(ms: number): Promise<{ readonly code: number | null; readonly errors: string }> {
    const code = await within(ms, this.#ended, `the end of the process, which said ${this.lines.join(' | ')}`)
    return { code, errors: this.#errors }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL')
    await this.#ended
  }
}
