import {
  ConfigurationError,
  ConnectionError,
  ContentionError,
  describe,
  MigrationError,
  PayloadError,
  RowcastError,
} from '../../../../common/errors.js'

type Make = (what: string, cause: Error, file: string) => RowcastError

const busy: Make = (what, cause) =>
  new ContentionError(`SQLite is busy with another transaction (${what}): keep write transactions short`, { cause })

const unopened: Make = (what, cause, file) =>
  new ConnectionError(`SQLite cannot open ${file} (${what}): check its path and that its folder exists`, { cause })

const database =
  (fault: string, remedy: string): Make =>
  (what, cause) =>
    new RowcastError('DATABASE', `SQLite ${fault} (${what}): ${remedy}`, { cause })

/**
 * The driver's codes and what becomes of them, the longer before those that they begin with.
 * @see https://www.sqlite.org/rescode.html
 */
const KINDS: readonly (readonly [code: string, make: Make])[] = [
  ['SQLITE_BUSY', busy],
  ['SQLITE_LOCKED', busy],
  // Two processes that open or recover the file at the same time: it is over in a moment.
  ['SQLITE_PROTOCOL', busy],
  ['SQLITE_READONLY_RECOVERY', busy],
  ['SQLITE_READONLY_CANTINIT', busy],
  // Somebody changed the tables while the statement was prepared, or stopped it: it may well succeed now.
  ['SQLITE_SCHEMA', busy],
  ['SQLITE_INTERRUPT', busy],
  ['SQLITE_ABORT', busy],
  ['SQLITE_CANTOPEN', unopened],
  [
    'SQLITE_NOTADB',
    (what, cause, file) =>
      new ConnectionError(
        `SQLite cannot open ${file} (${what}): it is no database, was overwritten, or is encrypted (see the option open of sqlite())`,
        { cause },
      ),
  ],
  [
    'SQLITE_READONLY_DBMOVED',
    (what, cause, file) =>
      new ConnectionError(`SQLite found ${file} moved or deleted (${what}): put it back and try again`, { cause }),
  ],
  ['SQLITE_READONLY', database('was denied to write', 'check the rights to the file and folder')],
  ['SQLITE_AUTH', (what, cause) => new ConfigurationError(`SQLite denied the right (${what})`, { cause })],
  ['SQLITE_PERM', (what, cause) => new ConfigurationError(`SQLite denied the right (${what})`, { cause })],
  ['SQLITE_FULL', database('cannot write its file', 'check that the disk has room, and max_page_count')],
  [
    'SQLITE_IOERR_SHORT_READ',
    database('cannot read its file', 'it was cut off or overwritten while it was open: stop, and restore a backup'),
  ],
  ['SQLITE_IOERR_CORRUPTFS', database('cannot read its file', 'the file system reports damage: check the disk')],
  ['SQLITE_IOERR_DATA', database('cannot read its file', 'a checksum is wrong: check the disk, restore a backup')],
  ['SQLITE_IOERR_READ', database('cannot read its file', 'check the disk and its mount')],
  ['SQLITE_IOERR_NOMEM', database('has no memory left', 'give the process more, or its rows less')],
  ['SQLITE_IOERR', database('cannot write its file', 'check that the disk has room, works, and is mounted')],
  [
    'SQLITE_CORRUPT',
    database(
      'found its file damaged',
      'stop every process that has it open, look at it with pragma integrity_check, and restore a backup',
    ),
  ],
  ['SQLITE_NOMEM', database('has no memory left', 'give the process more, or its rows less')],
  [
    'SQLITE_TOOBIG',
    (what, cause) => new PayloadError(`an event is larger than SQLite takes (${what}): store it elsewhere`, { cause }),
  ],
  ['SQLITE_CONSTRAINT', database("refused a row of rowcast's", 'look for constraints and triggers on its tables')],
  // The one code for every fault in a statement; ours are fixed, so the fault is with a table.
  [
    'SQLITE_ERROR',
    (what, cause) =>
      new MigrationError(
        `the tables are missing or not rowcast's (${what}): call channel.migrate() or check tablePrefix`,
        { cause },
      ),
  ],
  ['SQLITE_', database('refused', 'see https://www.sqlite.org/rescode.html')],
]

/**
 * A driver's error as one of ours.
 * @param file which one was being opened, where that is known
 */
export function translate(cause: unknown, file = 'the file'): unknown {
  if (!(cause instanceof Error) || cause instanceof RowcastError) return cause
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const [, make] = KINDS.find(([prefix]) => code.startsWith(prefix)) ?? []
  if (make !== undefined) return make(describe(cause), cause, file)
  // Misuse of the driver has no code.
  if (cause instanceof TypeError && /not open/.test(cause.message)) {
    return new ConnectionError('the SQLite database is closed: open another channel', { cause })
  }
  if (cause instanceof TypeError && /busy executing/.test(cause.message)) {
    return new ContentionError(
      'the database is in the middle of a query of its owner: read it with all() instead of iterate(), or publish afterwards',
      { cause },
    )
  }
  return cause
}
