import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Fact, type Happening, nowMs } from './fact.js'

/**
 * Writes facts as JSON lines into a file of this process's own. Each is with the system before `record` returns, so that
 * a killed process leaves everything that it had seen.
 */
export class Recorder implements Disposable {
  readonly #file: number
  readonly #actor: string

  /** @param folder where the files of one history gather */
  constructor(folder: string, actor: string) {
    mkdirSync(folder, { recursive: true })
    this.#actor = actor
    this.#file = openSync(join(folder, `${actor.replaceAll('/', '.')}.jsonl`), 'a')
  }

  record(happening: Happening, actor = this.#actor): void {
    const fact: Fact = { at: nowMs(), actor, ...happening }
    writeSync(this.#file, `${JSON.stringify(fact)}\n`)
  }

  /** Records, once it is over, that an actor was hindered for as long as the work took. */
  async hindering<T>(actor: string, why: string, work: () => Promise<T>): Promise<T> {
    const fromMs = nowMs()
    try {
      return await work()
    } finally {
      this.record({ type: 'hindered', why, ms: nowMs() - fromMs }, actor)
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}

/** All facts of a history, in order of time. */
export function readHistory(folder: string): readonly Fact[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.jsonl'))
  const facts = files.flatMap((file) => {
    const lines = readFileSync(join(folder, file), 'utf8').split('\n')
    // The last piece is empty, or what a killed process was writing.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Fact)
  })
  return facts.sort((a, b) => a.at - b.at)
}
