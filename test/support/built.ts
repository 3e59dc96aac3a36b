import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

/*
 * Tests, the programs that they start and the examples, as JavaScript: a process of them starts in a tenth of a second and the machine has
 * hundreds to start. By tsx, which needs no build, it takes six times as long; that is how a single test is run by hand.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Names the folder of what was built, for the processes of a run. */
const VARIABLE = 'ROWCAST_TEST_BUILT'
/** What tests start as processes of their own. */
const PROGRAMS = ['programs/', 'actors/worker.ts', 'actors/publisher.ts', 'actors/leaver.ts', 'opener.ts']

/** Gone when disposed. */
export interface Built extends Disposable {
  /** What processes of the run are told. */
  readonly environment: NodeJS.ProcessEnv
}

/** Builds the tests and every program. What is edited meanwhile is not in it. */
export async function buildTests(tests: readonly string[]): Promise<Built> {
  mkdirSync(join(ROOT, '.tmp'), { recursive: true })
  // Inside the package, so that its dependencies are found.
  const folder = mkdtempSync(join(ROOT, '.tmp', 'tests-'))
  await build({
    entryPoints: [...tests, ...findPrograms()],
    outdir: folder,
    outbase: ROOT,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    plugins: [KEEP_ADDRESSES],
    logLevel: 'warning',
  })
  // File by file: they import the package, as a user's do.
  await build({
    entryPoints: [...findFiles(join(ROOT, 'docs', 'examples'))],
    outdir: folder,
    outbase: ROOT,
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  })
  return {
    environment: { [VARIABLE]: folder },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** The arguments with which node runs a file of TypeScript: as it was built for this run, else by tsx. */
export function nodeArguments(file: string, environment: NodeJS.ProcessEnv = process.env): readonly string[] {
  const folder = environment[VARIABLE]
  if (folder === undefined) return ['--import', 'tsx', file]
  return ['--enable-source-maps', join(folder, relative(ROOT, file).replace(/\.ts$/, '.js'))]
}

/** A module finds files beside itself: where it was written, not where it was built. */
const KEEP_ADDRESSES: Plugin = {
  name: 'keep addresses',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
      loader: 'ts',
    }))
  },
}

function findPrograms(): readonly string[] {
  return findFiles(join(ROOT, 'test', 'support'), PROGRAMS)
}

/** The TypeScript in a folder whose path there begins in one of these ways. */
function findFiles(folder: string, beginnings: readonly string[] = ['']): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && beginnings.some((beginning) => file.startsWith(beginning)))
    .map((file) => join(folder, file))
}
