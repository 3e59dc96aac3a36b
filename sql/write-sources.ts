import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/*
 * Writes the SQL of each dialect into a module that is compiled and published, so that nothing is read from disk at run time and
 * a bundler finds all of it: `tsx sql/write-sources.ts`, which the build, the tests and the soak do.
 */

const DIALECTS = ['postgres', 'mysql', 'sqlite']
const FOLDERS = ['statements', 'migrations']

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
  const lists = FOLDERS.map((name) => `  ${name}: [\n${entriesOf(join(folder, name))}  ],\n`)
  return `// Written by sql/write-sources.ts from sql/${dialect}: edit those files.
import type { Sources } from '../statements.js'

export const sources: Sources = {
${lists.join('')}}
`
}

function entriesOf(folder: string): string {
  const lines = readFolder(folder).map(
    ({ name, text }) => `    { name: ${JSON.stringify(name)}, text: ${JSON.stringify(text)} },\n`,
  )
  return lines.join('')
}

/** The files of SQL in a folder, in the order of their names. */
export function readFolder(folder: string): readonly { readonly name: string; readonly text: string }[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({ name: file.slice(0, -'.sql'.length), text: readFileSync(join(folder, file), 'utf8') }))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeSources(fileURLToPath(new URL('..', import.meta.url)))
