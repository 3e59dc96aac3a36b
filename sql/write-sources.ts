import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readSources } from './read-sources.js'

/*
 * Writes the SQL of each dialect into a module that is compiled and published, so that nothing is read from disk at run time and
 * a bundler finds all of it: `tsx sql/write-sources.ts`, which the build, the tests and the soak do.
 */

const DIALECTS = ['postgres', 'mysql', 'sqlite']

/** @param root of the package */
export function writeSources(root: string): void {
  const target = join(root, 'src', 'engines', 'sql', 'sources')
  mkdirSync(target, { recursive: true })
  for (const dialect of DIALECTS) {
    const text = moduleOf(join(root, 'sql', dialect), dialect)
    const file = join(target, `${dialect}.ts`)
    // Another process may be reading it.
    writeFileSync(`${file}.${process.pid}`, text)
    renameSync(`${file}.${process.pid}`, file)
  }
}

function moduleOf(folder: string, dialect: string): string {
  return `// Written by sql/write-sources.ts from sql/${dialect}: edit those files.
import type { Sources } from '../source.js'

export const sources: Sources = ${JSON.stringify(readSources(folder), undefined, 2)}
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeSources(fileURLToPath(new URL('..', import.meta.url)))
