import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { nodeArguments } from '../built.js'
import type { Recorder } from '../history/index.js'
import { within } from '../wait.js'
import type { ActorConfig } from './config.js'

/** How long starting and ending may take on a busy machine, in milliseconds. */
const LIMIT_MS = 30_000
/** For so long others may write in turn, in milliseconds. */
const BUSY_MS = 300
const SHIFT_CLOCK = new URL('./shift-clock.mjs', import.meta.url).href

/** A process that publishes or handles events. What is done to it is recorded. */
export class Actor implements AsyncDisposable {
  readonly name: string
  readonly #url: string
  readonly #child: ChildProcess
  readonly #recorder: Recorder
  readonly #ended: Promise<void>
  readonly #ready: Promise<unknown>
  #expected = false

  /** @param program `worker` or `publisher` */
  constructor(program: string, config: ActorConfig, recorder: Recorder) {
    this.name = config.name
    this.#url = config.url
    this.#recorder = recorder
    const path = fileURLToPath(new URL(`./${program}.ts`, import.meta.url))
    const shift = config.clockShiftMs === 0 ? [] : ['--import', SHIFT_CLOCK]
    this.#child = spawn(process.execPath, [...shift, ...nodeArguments(path), JSON.stringify(config)], {
      env: { ...process.env, ROWCAST_TEST_CLOCK_SHIFT_MS: String(config.clockShiftMs) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#ended = once(this.#child, 'exit').then(([code, signal]) => this.#onExit(code, signal))
    this.#ready = Promise.race([once(this.#child, 'message'), this.#ended])
  }

  /** Resolves once its channels are open. */
  async ready(): Promise<this> {
    await within(LIMIT_MS, this.#ready, `the start of ${this.name}`)
    return this
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when it has ended by itself. */
  async ended(ms = LIMIT_MS): Promise<void> {
    await within(ms, this.#ended, `the end of ${this.name}`)
  }

  /** Ends it without a warning; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#expected = true
    this.#child.kill('SIGKILL')
    await this.ended()
  }

  /** Asks it to end; resolves when it has. */
  async terminate(ms = LIMIT_MS): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGTERM')
    await this.ended(ms)
  }

  /** Stops it for as long as the work takes, then lets it go on. */
  async whileStopped<T>(work: () => Promise<T>): Promise<T> {
    return this.#recorder.hindering(this.name, 'stopped', async () => {
      await this.#stop()
      try {
        return await work()
      } finally {
        this.#child.kill('SIGCONT')
      }
    })
  }

  /** On SQLite, not in the moment that it writes: nobody else could until it goes on (docs/guarantees.md). */
  async #stop(): Promise<void> {
    this.#child.kill('SIGSTOP')
    while (this.#url.startsWith('sqlite:') && isBusy(this.#url.slice('sqlite:'.length))) {
      this.#child.kill('SIGCONT')
      await sleep(10)
      this.#child.kill('SIGSTOP')
    }
  }

  /** Takes note that it will end itself in the middle of its work. */
  expectDeath(): void {
    this.#expected = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.kill()
  }

  #onExit(code: number | null, signal: string | null): void {
    if (signal !== null) this.#recorder.record({ type: 'died' }, this.name)
    if (code === 0 || this.#expected) return
    this.#recorder.record({ type: 'unhandled', error: `ended with ${signal ?? `code ${code}`}` }, this.name)
  }
}

/** Whether nobody gets to write. */
function isBusy(file: string): boolean {
  const database = new Database(file, { timeout: BUSY_MS })
  try {
    database.exec('begin immediate; rollback')
    return false
  } catch {
    return true
  } finally {
    database.close()
  }
}
