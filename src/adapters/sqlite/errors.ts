import {
  ConfigurationError,
  ConnectionError,
  ContentionError,
  describe,
  MigrationError,
  RowcastError,
} from '../../errors.js'

/**
 * A driver's error as one of ours.
 * @param file which one was being opened, where that is known
 * @see https://www.sqlite.org/rescode.html
 */
export function translate(cause: unknown, file = 'the file'): unknown {
  if (!(cause instanceof Error) || cause instanceof RowcastError) return cause
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const what = describe(cause)
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new ContentionError(`SQLite is busy with another transaction (${what}): keep write transactions short`, {
      cause,
    })
  }
  if (code === 'SQLITE_CANTOPEN' || code === 'SQLITE_NOTADB') {
    return new ConnectionError(`SQLite cannot open ${file} (${what}): check its path and that its folder exists`, {
      cause,
    })
  }
  if (code === 'SQLITE_AUTH' || code === 'SQLITE_PERM') {
    return new ConfigurationError(`SQLite denied the right (${what})`, { cause })
  }
  if (code.startsWith('SQLITE_READONLY')) {
    return new RowcastError(
      'DATABASE',
      `SQLite was denied to write (${what}): check the rights to the file and folder`,
      {
        cause,
      },
    )
  }
  if (code.startsWith('SQLITE_FULL') || code.startsWith('SQLITE_IOERR')) {
    return new RowcastError('DATABASE', `SQLite cannot write its file (${what}): check that the disk has room`, {
      cause,
    })
  }
  // The one code for every fault in a statement; ours are fixed, so the fault is with a table.
  if (code === 'SQLITE_ERROR') {
    return new MigrationError(
      `the tables are missing or not rowcast's (${what}): call channel.migrate() or check tablePrefix`,
      {
        cause,
      },
    )
  }
  if (code.startsWith('SQLITE_')) return new RowcastError('DATABASE', `SQLite refused (${what})`, { cause })
  if (cause instanceof TypeError && /not open/.test(cause.message)) {
    return new ConnectionError('the SQLite database is closed: open another channel', { cause })
  }
  return cause
}
