import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readFolder } from '../../sql/write-sources.js'
import type { Dialect, Source } from '../../src/engines/sql/statements.js'

const SQL = fileURLToPath(new URL('../../sql/', import.meta.url))

/** The files of one folder of sql/, in the order of their names. */
export function readSql(dialect: Dialect['name'], folder: 'statements' | 'migrations'): readonly Source[] {
  return readFolder(join(SQL, dialect, folder))
}
