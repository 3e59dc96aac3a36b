import { closeSync, mkdirSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs'
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

/** The facts of a history, as far as they are written. Each is read once: a test looks some forty times a second. */
export class HistoryReader {
  readonly #folder: string
  /** By file: how much of it was read, in bytes. */
  readonly #read = new Map<string, number>()
  #facts: readonly Fact[] = []

  constructor(folder: string) {
    this.#folder = folder
  }

  /** All of them, in order of time. */
  get facts(): readonly Fact[] {
    const files = readdirSync(this.#folder).filter((file) => file.endsWith('.jsonl'))
    const news = files.flatMap((file) => this.#readOn(file))
    if (news.length > 0) this.#facts = [...this.#facts, ...news].sort((a, b) => a.at - b.at)
    return this.#facts
  }

  /** What follows the last whole line is what a process is writing, or was when it was killed. */
  #readOn(file: string): readonly Fact[] {
    const path = join(this.#folder, file)
    const from = this.#read.get(file) ?? 0
    const size = statSync(path).size
    if (size === from) return []
    const bytes = readPart(path, from, size - from)
    const end = bytes.lastIndexOf('\n') + 1
    this.#read.set(file, from + end)
    const lines = bytes.toString('utf8', 0, end).split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as Fact)
  }
}

function readPart(path: string, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  const file = openSync(path, 'r')
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, length, from))
  } finally {
    closeSync(file)
  }
}
