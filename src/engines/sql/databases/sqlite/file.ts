import { statSync } from 'node:fs'
import { ConnectionError, describe } from '../../../../common/errors.js'
import type { Logger } from '../../../../common/logger.js'
import type { SqliteDatabase } from './driver.js'
import { Watcher } from './watcher.js'

/** How often is looked whether the path still leads to the file that was opened, in milliseconds. */
const LOOK_MS = 50

/** Where the asynchronous API runs; never waits for a lock. */
export interface Connected {
  /** For what is asked now. */
  readonly connection: SqliteDatabase
  /** How often another file was found at the path; an object of the user's is on the first. */
  readonly generation: number
  /** Calls back soon after another connection committed. Absent: there is no other. */
  watch?(onChange: () => void): AsyncDisposable
  close(): void
}

/** A database in memory, which has no other connection than this one. */
export class OneConnection implements Connected {
  readonly generation = 0

  /** @param isOurs whether to close it */
  constructor(
    readonly connection: SqliteDatabase,
    readonly isOurs: boolean,
  ) {}

  close(): void {
    if (this.isOurs) this.connection.close()
  }
}

interface FileParts {
  /** Where others would open it. */
  readonly path: string
  readonly logger: Logger
  /** Opens one more connection to it, which must be there. */
  reopen(): SqliteDatabase
  /** The same, to watch it: it never writes. */
  watch(): SqliteDatabase
  /** Throws unless what was found at the path can stand in for what was open. */
  accept(found: SqliteDatabase, before: SqliteDatabase): void
}

/** The files of a database: which they were when they were opened. */
interface Identity {
  readonly file: string | undefined
  readonly wal: string | undefined
  readonly shm: string | undefined
}

/**
 * The connection to a file, for as long as that is where the path leads. A file that is renamed, deleted or restored over
 * stays open under its process, which would go on writing to what no other ever reads. It is looked at by name only: to open
 * and close it would drop the locks of the whole process.
 * @see https://www.sqlite.org/howtocorrupt.html
 */
export class DatabaseFile implements Connected {
  readonly #parts: FileParts
  #connection: SqliteDatabase
  #identity: Identity
  #lookAtMs = 0
  #fault: string | undefined
  #generation = 0

  constructor(parts: FileParts, connection: SqliteDatabase) {
    this.#parts = parts
    this.#connection = connection
    this.#identity = identify(parts.path)
  }

  /**
   * For what is asked now.
   * @throws {ConnectionError} while there is no such file, or none that can be used
   */
  get connection(): SqliteDatabase {
    // The journal is made with the first statement: until then, each call may be the one that made it.
    if (performance.now() >= this.#lookAtMs || this.#identity.wal === undefined) this.#look()
    if (this.#fault !== undefined) throw new ConnectionError(this.#fault)
    return this.#connection
  }

  /** How often another file was found at the path. */
  get generation(): number {
    return this.#generation
  }

  /** Calls back soon after another connection committed. */
  watch(onChange: () => void): AsyncDisposable {
    const { logger, watch } = this.#parts
    const generation = () => {
      void this.connection
      return this.#generation
    }
    return new Watcher({ logger, open: watch, generation, onChange })
  }

  close(): void {
    this.#connection.close()
  }

  #look(): void {
    this.#lookAtMs = performance.now() + LOOK_MS
    const found = identify(this.#parts.path)
    const { file, wal, shm } = this.#identity
    const before = this.#fault
    if (found.file === undefined) this.#fault = this.#tellRemoved()
    else if (found.file !== file) this.#fault = this.#replace()
    else if ((wal !== undefined && found.wal !== wal) || (shm !== undefined && found.shm !== shm)) {
      this.#fault ??= this.#saveJournal(found)
    } else {
      this.#fault = undefined
      this.#identity = found
    }
    const { logger } = this.#parts
    if (this.#fault !== undefined && before === undefined)
      logger.error('the database file is lost', { error: this.#fault })
    if (this.#fault === undefined && before !== undefined) logger.info('the database file is there again')
  }

  #tellRemoved(): string {
    return `the SQLite file ${this.#parts.path} was moved or deleted while it was open: put it back, or a backup in its place (by a rename); what was published within the last ${LOOK_MS} ms before that was noticed is in the file that is gone`
  }

  /** Goes on with the file that is there now, if its tables are the same. */
  #replace(): string | undefined {
    const { path, logger, reopen, accept } = this.#parts
    let found: SqliteDatabase | undefined
    try {
      found = reopen()
      accept(found, this.#connection)
    } catch (error) {
      found?.close()
      return `another file was put in the place of ${path} while that was open, and cannot be used (${describe(error)}): restore a backup that holds rowcast's tables, or restart the process, which makes them`
    }
    // SQLite leaves the journal at the path alone, since that is another file's.
    this.#connection.close()
    this.#connection = found
    this.#identity = identify(path)
    this.#generation++
    logger.warn('the database file was replaced: going on with the one that is there now', { path })
    return undefined
  }

  /**
   * Its journal (-wal, -shm) was deleted: who opens the file now makes another, and the two know nothing of each other. What
   * was committed is saved while that has not happened yet; to go on, every process has to let go of the file.
   */
  #saveJournal(found: Identity): string {
    if (found.wal === undefined) {
      try {
        this.#connection.pragma('wal_checkpoint(truncate)')
      } catch (error) {
        this.#parts.logger.error('what was in the deleted -wal is lost', { error: describe(error) })
      }
    }
    return `the -wal or -shm of ${this.#parts.path} was deleted or replaced while the file was open: end every process that has it open, then start them again`
  }
}

function identify(path: string): Identity {
  return { file: inodeOf(path), wal: inodeOf(`${path}-wal`), shm: inodeOf(`${path}-shm`) }
}

function inodeOf(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats && `${stats.dev}:${stats.ino}`
}
