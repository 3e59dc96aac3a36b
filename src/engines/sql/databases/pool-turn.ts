import { ConnectionError, RowcastError } from '../../../common/errors.js'
import { detach } from '../../../common/wait.js'
import { ANSWER_LIMIT_MS, inTime } from './in-time.js'

/**
 * Waits for a connection of a pool of the user's, but not for ever: all of them may be in transactions that wait for the very
 * call that waits here.
 * @param release gives back one that comes too late
 * @throws {RowcastError} with code `CONTENTION`; it is not tried again
 */
export async function inTurn<Connection>(
  database: string,
  connecting: Promise<Connection>,
  release: (connection: Connection) => void,
): Promise<Connection> {
  try {
    return await inTime(database, connecting)
  } catch (error) {
    // What the driver throws is not one of ours yet.
    if (!(error instanceof ConnectionError)) throw error
    detach(connecting.then(release))
    throw new RowcastError(
      'CONTENTION',
      `no connection of the pool was free within ${ANSWER_LIMIT_MS} ms: where transactions hold all of them and wait for this call, pass it their tx, or give the pool more connections`,
      { cause: error },
    )
  }
}
