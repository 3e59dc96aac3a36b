import { readdirSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeSources } from '../sql/write-sources.js'
import { buildTests } from './support/built.js'
import { chosen, NAMES } from './support/chosen.js'
import { workThrough } from './support/crew.js'
import { type FileResult, runFile } from './support/run-file.js'
import { RunDatabases, SERVERS } from './support/servers/find.js'

/*
 * Runs the tests: `tsx test/run.ts [part of a path …]`. Finds or starts the servers, makes a database of this run's own
 * on each, runs every file in a process of its own, and ends with a line `N passed, N failed`. `ROWCAST_TEST_ONLY` names
 * the databases to test where that is not all of them.
 */

/** Fewer tests than this in a full run means that some were not run. */
const MINIMUM = 800
/** More files than this that fail are no matter of a busy machine. */
const MOST_AGAIN = 8
const ROOT = fileURLToPath(new URL('.', import.meta.url))
const NOT_TESTS = ['support', 'bench', 'soak', 'matrix']

/** Those begin first, so that the end of a run does not wait for one of them. */
const isLong = (file: string) => /^(faults|backends\/probes|contract\/(left|order|iterate|groups|log))/.test(file)

function findFiles(patterns: readonly string[]): readonly string[] {
  return readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !NOT_TESTS.includes(file.split(sep)[0] ?? ''))
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
    .sort((a, b) => Number(isLong(b)) - Number(isLong(a)) || (a < b ? -1 : 1))
    .map((file) => join(ROOT, file))
}

async function runAll(files: readonly string[], environment: NodeJS.ProcessEnv): Promise<readonly FileResult[]> {
  const results = new Map<string, FileResult>()
  await workThrough(files, async (file) => void results.set(file, await runOne(file, environment)))
  await runAgain(results, environment)
  return [...results.values()]
}

async function runOne(file: string, environment: NodeJS.ProcessEnv): Promise<FileResult> {
  const result = await runFile(file, environment)
  const seconds = (result.elapsedMs / 1_000).toFixed(1)
  console.log(`\n— ${relative(ROOT, file)} (${seconds} s)\n${result.output.trim()}`)
  if (result.fault !== undefined) console.log(`✘ ${relative(ROOT, file)}: ${result.fault}`)
  return result
}

/**
 * Files that failed beside another run once more, alone: a test whose time limit a busy machine broke is told from one that is
 * red. It is a defect of the test all the same, and is named.
 */
async function runAgain(results: Map<string, FileResult>, environment: NodeJS.ProcessEnv): Promise<void> {
  const failed = [...results].filter(([, result]) => result.failed > 0 || result.fault !== undefined)
  if (failed.length > MOST_AGAIN) return
  for (const [file] of failed) {
    const again = await runOne(file, environment)
    if (again.failed > 0 || again.fault !== undefined) continue
    results.set(file, again)
    console.log(`⚠ ${relative(ROOT, file)} failed beside another file, and passed alone`)
  }
}

/** Prints what it came to, the count on a line of its own; returns the exit code. */
function conclude(results: readonly FileResult[], isFull: boolean): number {
  const sum = (of: (result: FileResult) => number) => results.reduce((total, result) => total + of(result), 0)
  const passed = sum((result) => result.passed)
  const leftOut = sum((result) => result.leftOut)
  let failed = sum((result) => result.failed)
  const ran = passed + failed + leftOut
  if (passed + failed === 0) {
    console.error('no test ran')
    failed++
  } else if (isFull && ran < MINIMUM) {
    console.error(`only ${ran} tests ran, at least ${MINIMUM} are expected`)
    failed++
  }
  console.log(`\n${passed} passed, ${failed} failed`)
  if (chosen().length < NAMES.length) {
    console.log(
      `${passed} passed, ${failed} failed on ${chosen().join(', ')} only: ${leftOut} tests of others were left out`,
    )
  }
  return failed === 0 ? 0 : 1
}

async function main(patterns: readonly string[]): Promise<number> {
  await using databases = new RunDatabases()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void databases[Symbol.asyncDispose]().finally(() => process.exit(1)))
  }
  for (const name of chosen()) {
    if (name !== 'sqlite') console.log(`${SERVERS[name].title}: ${(await databases.open(name)).origin}`)
  }
  writeSources(join(ROOT, '..'))
  const files = findFiles(patterns)
  using built = await buildTests(files)
  const results = await runAll(files, { ...databases.environment, ...built.environment })
  return conclude(results, patterns.length === 0)
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error)
  console.log('\n0 passed, 1 failed')
  return 1
})
