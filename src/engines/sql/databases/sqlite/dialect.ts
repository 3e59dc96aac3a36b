import type { Dialect } from '../../statements.js'

/** Our tables share the file's one namespace, told apart by a prefix. */
export function sqliteDialect(tablePrefix: string): Dialect {
  return {
    name: 'sqlite',
    relation: (name) => `"${`${tablePrefix}${name}`.replaceAll('"', '""')}"`,
    placeholder: () => '?',
    repeats: true,
  }
}
