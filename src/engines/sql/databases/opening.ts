import { ConfigurationError, ConnectionError, describe, RefusedError } from '../../../common/errors.js'
import { atMost, handled } from '../../../common/wait.js'

/** Longest that a probe waits for the answer to its question, in milliseconds. */
export const PROBE_TIMEOUT_MS = 5_000
/** Longest that opening waits for a connection and a probe on it, in milliseconds. */
const OPEN_TIMEOUT_MS = 10_000

/**
 * Bounds the first contact with a database: a pool of the user's may wait for ever, for an address or for its turn.
 * @throws {ConfigurationError} when the database refuses the login, the role or its name
 * @throws {ConnectionError} when it cannot be reached
 */
export async function answerInTime(probe: Promise<void>): Promise<void> {
  const answered = await atMost(
    OPEN_TIMEOUT_MS,
    handled(probe.catch(asMistake)).then(() => true as const),
  )
  if (answered) return
  throw new ConnectionError(
    `no connection within ${OPEN_TIMEOUT_MS} ms: check that the address answers, and that the pool has a connection free`,
  )
}

/** A database that has answered its probe; let go of where it does not. */
export async function opened<Database extends AsyncDisposable & { probe(): Promise<void> }>(
  database: Database,
): Promise<Database> {
  try {
    await answerInTime(database.probe())
    return database
  } catch (error) {
    await database[Symbol.asyncDispose]()
    throw error
  }
}

/** Who opens has named the wrong login or database; trying again would not help. */
function asMistake(error: unknown): never {
  throw error instanceof RefusedError ? new ConfigurationError(error.message, { cause: error.cause }) : error
}

/**
 * Makes something from a URL; the driver's error for one that it cannot read is not passed on, since it holds the URL, and
 * with it the password.
 * @param what how messages call the URL
 * @throws {ConfigurationError} when the driver cannot read it
 */
export function fromUrl<Result>(what: string, make: () => Result): Result {
  try {
    return make()
  } catch (error) {
    throw new ConfigurationError(
      `EventChannel.open: ${what} cannot be read (${describe(error)}): check its parts, and percent-encode what is special in the password`,
    )
  }
}
