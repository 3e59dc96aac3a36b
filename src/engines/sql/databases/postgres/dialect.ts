import { sources } from '../../sources/postgres.js'
import type { Dialect } from '../../statements.js'

export interface PostgresDialect extends Dialect {
  /** What must exist before the first table: our schema, which a person may have made for us already. */
  preambleUnless(exists: boolean): readonly string[]
}

/** Our tables live in a schema of their own. */
export function postgresDialect(schema: string): PostgresDialect {
  return {
    name: 'postgres',
    sources,
    relation: (name) => `${quote(schema)}.${quote(name)}`,
    placeholder: (position) => `$${position}`,
    repeats: false,
    preambleUnless: (exists) => (exists ? [] : [`create schema if not exists ${quote(schema)}`]),
  }
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
