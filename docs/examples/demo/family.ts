import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Of these files: TypeScript, or what was made of it. */
const EXTENSION = extname(fileURLToPath(import.meta.url))

/** One line between the demo and its child processes. */
interface Line {
  readonly topic: string
  readonly counters?: Readonly<Record<string, number>>
  readonly count?: number
  readonly elapsedMs?: number
}

/** A child process that can be told things and answers. */
export class Child {
  readonly name: string
  readonly #process: ChildProcess
  readonly #lines: Line[] = []
  readonly ended: Promise<unknown>

  /** @param program one of these files, without its extension */
  constructor(name: string, program: string, environment: NodeJS.ProcessEnv) {
    this.name = name
    const file = fileURLToPath(new URL(`./${program}${EXTENSION}`, import.meta.url))
    this.#process = fork(file, [name], { env: environment })
    this.#process.on('message', (line: Line) => this.#lines.push(line))
    this.ended = once(this.#process, 'exit')
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** `null` while it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.#process.exitCode
  }

  tell(topic: string): void {
    this.#process.send({ topic })
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#process.kill(signal)
  }

  /** What it answered, if it has. */
  heard(topic: string): Line | undefined {
    return this.#lines.find((line) => line.topic === topic)
  }
}

/** In a child: says something to the demo. */
export function answer(topic: string, details: Omit<Line, 'topic'> = {}): void {
  process.send?.({ topic, ...details })
}

/** In a child: resolves when the demo has told it so. */
export function told(topic: string): Promise<void> {
  return new Promise((resolve) => {
    const onMessage = (line: Line) => {
      if (line.topic !== topic) return
      process.off('message', onMessage)
      resolve()
    }
    process.on('message', onMessage)
  })
}
