import { sources } from '../../sources/sqlite.js'
import type { Dialect } from '../../statements.js'

/** Our tables share the file's one namespace, told apart by a prefix. */
export function sqliteDialect(tablePrefix: string): Dialect {
  return {
    name: 'sqlite',
    sources,
    relation: (name) => `"${`${tablePrefix}${name}`.replaceAll('"', '""')}"`,
    placeholder: () => '?',
    repeats: true,
  }
}
