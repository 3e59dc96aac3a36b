import type { SqliteDatabase } from './driver.js'

/** How often to look while the file changes, and once it has been quiet for a while, in milliseconds. */
const ACTIVE_INTERVAL_MS = 5
const IDLE_INTERVAL_MS = 20
const QUIET_AFTER_MS = 5_000

/**
 * Calls back soon after another connection committed, in this process or another.
 * @param connection never writes, so that the version it sees moves with every commit; closed with the watcher
 * @see https://www.sqlite.org/pragma.html#pragma_data_version
 */
export function watchChanges(connection: SqliteDatabase, onChange: () => void): AsyncDisposable {
  const statement = connection.prepare('pragma data_version')
  const read = () => (statement.all([]) as { data_version: number }[])[0]?.data_version
  let version = read()
  let changedAtMs = performance.now()
  let timer: NodeJS.Timeout

  const look = () => {
    const current = read()
    if (current !== version) {
      version = current
      changedAtMs = performance.now()
      onChange()
    }
    schedule()
  }
  const schedule = () => {
    const quiet = performance.now() - changedAtMs > QUIET_AFTER_MS
    timer = setTimeout(look, quiet ? IDLE_INTERVAL_MS : ACTIVE_INTERVAL_MS).unref()
  }
  schedule()

  return {
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      connection.close()
    },
  }
}
