import { Alarm } from '../../../../common/alarm.js'
import type { Logger } from '../../../../common/logger.js'
import { Outage } from '../../../../common/outage.js'
import type { SqliteDatabase, SqliteStatement } from './driver.js'
import { translate } from './errors.js'

/** Shortest and longest pause between two looks, in milliseconds. */
const MIN_INTERVAL_MS = 5
const MAX_INTERVAL_MS = 40
/** In between, the pause is this part of how long the file has been quiet: to be woken is all that an idle consumer costs. */
const QUIET_PART = 1 / 250

interface WatcherParts {
  readonly logger: Logger
  /** Opens a connection that never writes, so that the version it sees moves with every commit. */
  open(): SqliteDatabase
  /** Which file is at the path, counted; throws while there is none. */
  generation(): number
  readonly onChange: () => void
}

/**
 * Calls back soon after another connection committed, in this process or another. When it cannot look, it says so once and
 * tries again.
 * @see https://www.sqlite.org/pragma.html#pragma_data_version
 */
export class Watcher implements AsyncDisposable {
  readonly #parts: WatcherParts
  readonly #outage: Outage
  #connection: SqliteDatabase | undefined
  #question: SqliteStatement | undefined
  #generation: number
  #version: unknown
  #changedAtMs = performance.now()
  readonly #alarm = new Alarm(() => this.#look(), false)
  #closed = false

  /** @throws when the file cannot be opened */
  constructor(parts: WatcherParts) {
    this.#parts = parts
    this.#outage = new Outage(parts.logger, 'watching the database file')
    this.#generation = parts.generation()
    this.#version = this.#read()
    this.#lookIn(MIN_INTERVAL_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#alarm.clear()
    this.#letGo()
  }

  #lookIn(ms: number): void {
    if (!this.#closed) this.#alarm.set(ms)
  }

  #look(): void {
    try {
      const version = this.#read()
      this.#outage.end()
      if (version !== this.#version) {
        this.#version = version
        this.#changedAtMs = performance.now()
        this.#parts.onChange()
      }
      const quietMs = performance.now() - this.#changedAtMs
      this.#lookIn(Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, quietMs * QUIET_PART)))
    } catch (error) {
      this.#letGo()
      this.#lookIn(this.#outage.begin(translate(error)))
    }
  }

  /** The version that its connection sees; of another connection it means nothing, so that counts as a change. */
  #read(): string {
    const generation = this.#parts.generation()
    if (generation !== this.#generation) this.#letGo()
    this.#question ??= this.#ask(generation)
    return String((this.#question.all([])[0] as { data_version: unknown }).data_version)
  }

  #ask(generation: number): SqliteStatement {
    this.#generation = generation
    this.#version = undefined
    this.#connection = this.#parts.open()
    return this.#connection.prepare('pragma data_version')
  }

  #letGo(): void {
    this.#connection?.close()
    this.#connection = undefined
    this.#question = undefined
  }
}
