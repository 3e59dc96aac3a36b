import { readdirSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FileResult, runFile } from './support/run-file.js'
import { MYSQL, openRunDatabase, POSTGRES, type RunDatabase } from './support/servers/find.js'

/*
 * Runs the tests: `tsx test/run.ts [part of a path …]`. Finds or starts the servers, makes a database of this run's own
 * on each, runs every file in a process of its own, and ends with a line `N passed, N failed`.
 */

/** Fewer tests than this in a full run means that some were not run. */
const MINIMUM = 800
const PARALLEL = 2
const ROOT = fileURLToPath(new URL('.', import.meta.url))
const NOT_TESTS = ['support', 'bench', 'soak']

function findFiles(patterns: readonly string[]): readonly string[] {
  return readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !NOT_TESTS.includes(file.split(sep)[0] ?? ''))
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
    .sort()
    .map((file) => join(ROOT, file))
}

async function runAll(files: readonly string[], environment: NodeJS.ProcessEnv): Promise<readonly FileResult[]> {
  const waiting = [...files]
  const results: FileResult[] = []
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runFile(file, environment)
      const seconds = (result.elapsedMs / 1_000).toFixed(1)
      console.log(`\n— ${relative(ROOT, file)} (${seconds} s)\n${result.output.trim()}`)
      if (result.fault !== undefined) console.log(`✘ ${relative(ROOT, file)}: ${result.fault}`)
      results.push(result)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  return results
}

function judge(results: readonly FileResult[], isFull: boolean): { passed: number; failed: number } {
  const passed = results.reduce((sum, result) => sum + result.passed, 0)
  let failed = results.reduce((sum, result) => sum + result.failed, 0)
  if (passed + failed === 0) {
    console.error('no test ran')
    failed++
  } else if (isFull && passed + failed < MINIMUM) {
    console.error(`only ${passed + failed} tests ran, at least ${MINIMUM} are expected`)
    failed++
  }
  return { passed, failed }
}

async function main(patterns: readonly string[]): Promise<number> {
  await using databases = new AsyncDisposableList<RunDatabase>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void databases[Symbol.asyncDispose]().finally(() => process.exit(1)))
  }
  const postgres = databases.add(await openRunDatabase(POSTGRES))
  const mysql = databases.add(await openRunDatabase(MYSQL))
  console.log(`Postgres: ${postgres.origin}\nMariaDB: ${mysql.origin}`)
  const environment = { ROWCAST_TEST_POSTGRES_URL: postgres.url, ROWCAST_TEST_MYSQL_URL: mysql.url }
  const results = await runAll(findFiles(patterns), environment)
  const { passed, failed } = judge(results, patterns.length === 0)
  console.log(`\n${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

/** Disposes of everything in it, once. */
class AsyncDisposableList<Item extends AsyncDisposable> implements AsyncDisposable {
  #items: Item[] = []

  add(item: Item): Item {
    this.#items.push(item)
    return item
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const outcomes = await Promise.allSettled(this.#items.splice(0).map((item) => item[Symbol.asyncDispose]()))
    for (const outcome of outcomes) if (outcome.status === 'rejected') console.error(outcome.reason)
  }
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error)
  console.log('\n0 passed, 1 failed')
  return 1
})
