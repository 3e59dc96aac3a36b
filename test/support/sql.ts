import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Dialect, Source } from '../../src/engines/sql/statements.js'

const SQL = fileURLToPath(new URL('../../sql/', import.meta.url))

/** The files of one folder of sql/, in the order of their names. */
export function readSql(dialect: Dialect['name'], folder: 'statements' | 'migrations'): readonly Source[] {
  const directory = join(SQL, dialect, folder)
  return readdirSync(directory)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({ name: file.slice(0, -'.sql'.length), text: readFileSync(join(directory, file), 'utf8') }))
}
