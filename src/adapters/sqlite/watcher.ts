import type { SqliteDatabase } from './driver.js'

/** Shortest and longest pause between two looks, in milliseconds. */
const MIN_INTERVAL_MS = 5
const MAX_INTERVAL_MS = 40
/** In between, the pause is this part of how long the file has been quiet: to be woken is all that an idle consumer costs. */
const QUIET_PART = 1 / 250

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
    const quietMs = performance.now() - changedAtMs
    timer = setTimeout(look, Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, quietMs * QUIET_PART))).unref()
  }
  schedule()

  return {
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      connection.close()
    },
  }
}
