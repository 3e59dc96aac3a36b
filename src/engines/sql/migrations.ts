import { createHash } from 'node:crypto'
import type { AppliedMigration } from '../../engine.js'
import { type Dialect, localize } from './statements.js'

/** One step of the schema, ready to be applied. */
export interface Migration extends AppliedMigration {
  /** Of its SQL without comments and white space: a comment that is worded anew is the same migration. */
  readonly checksum: string
  /** The oldest schema version whose rowcast still works on tables that this migration was applied to. */
  readonly compatibleFrom: number
  readonly statements: readonly string[]
}

/** The migrations of one dialect, in order. A blank line after a semicolon ends a statement. */
export function loadMigrations(dialect: Dialect): readonly Migration[] {
  return dialect.sources.migrations.map(({ version, name, compatibleFrom, text }) => ({
    version,
    name,
    compatibleFrom,
    checksum: checksumOf(text),
    statements: localize(dialect, text)
      .split(/;\s*\n/)
      .map((statement) => statement.trim().replace(/\n{2,}/g, '\n'))
      .filter((statement) => statement !== ''),
  }))
}

/** Of the source rather than of what one schema or prefix makes of it. */
export function checksumOf(text: string): string {
  return createHash('sha256').update(text.replace(/\s+/g, ' ').trim()).digest('hex')
}

/**
 * The SQL of the migrations, with the records that rowcast keeps of them, for a person to read and run. It may be run again:
 * what is there stays.
 * @param preamble what must come first, such as `create schema`
 * @param from the version that the tables have already; 0 for none
 */
export function printMigrations(dialect: Dialect, preamble: readonly string[], from: number): string {
  const statements = loadMigrations(dialect)
    .filter(({ version }) => version > from)
    .flatMap((migration) => [...migration.statements.map(unlessThere), record(dialect, migration)])
  return [...preamble, ...statements].map((statement) => `${statement};\n`).join('\n')
}

/** Opening must not take a table of somebody else's for ours; a person who runs the SQL a second time knows whose it is. */
function unlessThere(statement: string): string {
  return statement.replace(/^create (table|index) (?!if not exists)/, 'create $1 if not exists ')
}

function record(dialect: Dialect, { version, name, checksum, compatibleFrom }: Migration): string {
  const table = dialect.relation('migrations')
  return [
    `insert into ${table} (version, name, checksum, compatible_from)`,
    `select ${version}, '${name}', '${checksum}', ${compatibleFrom}`,
    `where not exists (select 1 from ${table} where version = ${version})`,
  ].join('\n')
}
