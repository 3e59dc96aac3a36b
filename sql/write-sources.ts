import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Sources } from '../src/engines/sql/source.js'
import { readSources } from './read-sources.js'

/*
 * Writes the SQL of each dialect into a module that is compiled and published, so that nothing is read from disk at run time and
 * a bundler finds all of it: `tsx sql/write-sources.ts`, which the build, the tests and the soak do.
 */

const DIALECTS = ['postgres', 'mysql', 'sqlite']

/**
 * @param root of the package
 * @param change what a test makes of the SQL of a dialect
 */
export function writeSources(root: string, change: (sources: Sources) => Sources = (sources) => sources): void {
  const target = join(root, 'src', 'engines', 'sql', 'sources')
  mkdirSync(target, { recursive: true })
  for (const dialect of DIALECTS) {
    const text = moduleOf(change(readSources(join(root, 'sql', dialect))), dialect)
    const file = join(target, `${dialect}.ts`)
    // Another process may be reading it.
    writeFileSync(`${file}.${process.pid}`, text)
    renameSync(`${file}.${process.pid}`, file)
  }
}

function moduleOf(sources: Sources, dialect: string): string {
  return `// Written by sql/write-sources.ts from sql/${dialect}: edit those files.
import type { Sources } from '../source.js'

export const sources: Sources = ${JSON.stringify(sources, undefined, 2)}
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeSources(fileURLToPath(new URL('..', import.meta.url)))
