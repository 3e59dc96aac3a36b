import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { nodeArguments } from './built.js'
import type { Place } from './databases.js'

const OPENER = fileURLToPath(new URL('./opener.ts', import.meta.url))

/** Processes that open a channel when they are told to, all at once. Gone when disposed. */
export class Openers implements AsyncDisposable {
  readonly #children: readonly ChildProcess[]

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children
  }

  static async start(count: number): Promise<Openers> {
    const start = () =>
      spawn(process.execPath, nodeArguments(OPENER), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const openers = new Openers(Array.from({ length: count }, () => start()))
    await openers.#answers()
    return openers
  }

  /** What each of them answers: `opened`, or the error. */
  async open(place: Place): Promise<readonly string[]> {
    const answers = this.#answers()
    for (const child of this.#children) child.send({ url: place.url, options: place.options })
    return answers
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        child.kill()
        await once(child, 'exit')
      }),
    )
  }

  #answers(): Promise<string[]> {
    return Promise.all(
      this.#children.map(async (child) => {
        const done = new AbortController()
        const gone = once(child, 'exit', { signal: done.signal }).then(([code]) => `ended with ${code}`)
        const answer = once(child, 'message', { signal: done.signal }).then(([text]) => String(text))
        try {
          return await Promise.race([answer, gone])
        } finally {
          for (const promise of [gone, answer]) promise.catch(() => undefined)
          done.abort()
        }
      }),
    )
  }
}
